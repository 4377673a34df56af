// http-proxy-middleware as its documentation shows it: node hpm.mjs addr target
import http from 'node:http';
import { createProxyMiddleware } from 'http-proxy-middleware';

const [addr, target] = process.argv.slice(2);
const [host, port] = addr.split(':');
const proxy = createProxyMiddleware({ target, pathFilter: '/api' });
http.createServer((req, res) => proxy(req, res, () => res.writeHead(404).end())).listen(Number(port), host);
