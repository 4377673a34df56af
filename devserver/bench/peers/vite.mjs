// Vite's dev server as its documentation shows it: node vite.mjs addr target root
import { createServer } from 'vite';

const [addr, target, root] = process.argv.slice(2);
const [host, port] = addr.split(':');
const server = await createServer({
  configFile: false, root, logLevel: 'error',
  server: { host, port: Number(port), strictPort: true, proxy: { '/api': target } },
});
await server.listen();
