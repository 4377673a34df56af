// Asks http-proxy-middleware, by real requests, what it makes of contexts and
// rewrites, and prints its answers as the fixture that our tests compare with.
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { createProxyMiddleware } from 'http-proxy-middleware';

const contexts = [
  ['/api', ['/api', '/api/', '/api/x', '/apiary', '/API', '/x/api', '/api?x=1', '/', '/%61pi']],
  ['/api/', ['/api', '/api/', '/api/x']],
  ['/', ['/', '/x', '//x']],
  [['/api', '/auth'], ['/api/x', '/auth', '/x']],
  ['/api/**', ['/api', '/api/', '/api/x', '/api/x/y', '/api/x/', '/apix', '/api/.x', '/api/x/.git/y', '/api//x', '/api/x?y=.z']],
  ['/api/*', ['/api', '/api/', '/api/x', '/api/x/', '/api/x/y', '/api/.x']],
  ['/api/.*', ['/api/.x', '/api/x']],
  ['**', ['/', '/x', '/x/y', '/.x']],
  ['*', ['/', '/x']],
  ['/*', ['/', '/x', '/x/', '/x/y']],
  ['/**', ['/', '/x', '/x/y/']],
  ['**/api/**', ['/api', '/api/x', '/v1/api/x', '/apix']],
  ['**/*.json', ['/a.json', '/b/a.json', '/a.jsonx', '/.a.json']],
  ['/{a,b}/*', ['/a/x', '/b/x', '/c/x']],
  ['/{a,b/c}/**', ['/a/x', '/b/c/x', '/b/x']],
  ['/v{1..3}/*', ['/v1/x', '/v3/x', '/v4/x']],
  ['/v{3..1}/*', ['/v1/x', '/v3/x', '/v4/x']],
  ['/v{a..c}/*', ['/va/x', '/vd/x']],
  ['/{a,{b,c}}/*', ['/a/x', '/b/x', '/c/x', '/d/x']],
  ['/{a,}/*', ['/a/x', '//x', '/x']],
  ['/a{,b}/*', ['/a/x', '/ab/x', '/abb/x']],
  ['/a/b{,/**}', ['/a/b', '/a/b/', '/a/b/c', '/a/bc']],
  ['/a/{*,b}', ['/a/x', '/a/x/', '/a/b']],
  ['/{a\\,b,c}/*', ['/a,b/x', '/c/x', '/a/x']],
  ['/v[0-9]/*', ['/v1/x', '/va/x']],
  ['/v[0-9]', ['/v1', '/v1/', '/v1/x']],
  ['/v[^0-9]/*', ['/v1/x', '/va/x', '/v//x']],
  ['/v[!0-9]/*', ['/v1/x', '/v!/x', '/va/x']],
  ['/[.]x/*', ['/.x/a']],
  ['/v?/*', ['/v/x', '/v1/x', '/v12/x']],
  ['/?/*', ['/a/x', '/./x', '/ab/x']],
  ['/api**', ['/api', '/apix', '/api/x']],
  ['/a**/b*', ['/a/b', '/ax/b', '/a/x/b']],
  ['/api/**/x', ['/api/x', '/api/a/x', '/api/a/b/x', '/api/.a/x', '/api/x/']],
  ['/a/**/**/b', ['/a/b', '/a/x/y/b']],
  ['/a/**/b/**/c', ['/a/b/c', '/a/x/b/y/b/z/c', '/a/b/b/c', '/a/c']],
  ['/a/**/', ['/a', '/a/', '/a/b', '/a/b/']],
  ['/*/x', ['/a/x', '//x', '/.a/x', '/x']],
  ['/*.*', ['/a.b', '/.b', '/a.', '/a']],
  ['/a/*{.js,.css}', ['/a/x.js', '/a/x.css', '/a/x.html', '/a/.js']],
  ['/[a-c]*', ['/abc', '/d']],
  ['/a\\*b*', ['/a*bc', '/axbc']],
  ['/a.b+c$/*', ['/a.b+c$/x', '/aXb+c$/x']],
  ['/a%2Fb/*', ['/a%2Fb/x', '/a/b/x']],
  ['/A/*', ['/a/x', '/A/x']],
  ['!/api/**', ['/api/x', '/x', '/']],
  ['!!/api/**', ['/api/x', '/x']],
  [['/api/**', '!**/bad.json'], ['/api/x', '/api/bad.json', '/x']],
  [['!**/bad.json', '/api/**'], ['/api/x', '/api/bad.json', '/x']],
  [['/api/**', '!/api/x/**', '/api/x/y*'], ['/api/x/y', '/api/x/z', '/api/z']],
  [['!/a*', '!/b*'], ['/a', '/b', '/c']],
];

const rewrites = [
  [{ '^/api': '' }, ['/api', '/api/x', '/api?x=1', '/api/x?y=/api', '/x']],
  [{ '^/api': '/v1' }, ['/api', '/api/x', '/api/api']],
  [{ '/api': '/v1' }, ['/api/api', '/x/api']],
  [{ '^/a': '/b', '^/b': '/c' }, ['/a', '/b', '/ab']],
  [{ '^/b': '/c', '^/a': '/b' }, ['/a', '/b']],
  [{ '^/api/(\\d+)/(\\w+)': '/$2/$1' }, ['/api/12/ab', '/api/12/ab/c']],
  [{ '^/api/(?<id>\\d+)(/x)?': '/i/$<id>$2$<none>' }, ['/api/12', '/api/12/x']],
  [{ '^/(a)(?<n>b)(c)': '/$1-$2-$3-$<n>' }, ['/abc']],
  [{ '^/api': '/$$-$&-$0-$9-$' }, ['/api']],
  [{ '^/(api)': '/$1$10$01$2$<a>' }, ['/api']],
  [{ 'b': "[$`|$']" }, ['/abc']],
  [{ '^/api(?=/v2)': '/new' }, ['/api/v2', '/api/v1']],
  [{ '(?<!/old)/api': '/new' }, ['/old/api', '/x/api']],
  [{ '^/API': '/x' }, ['/api', '/API']],
  [{ 'x=(\\d)': 'y=$1' }, ['/api?x=1&x=2']],
  [{ '^/api/?': '/' }, ['/api', '/api/', '/api/x']],
  [{ '[aeiou]': '_' }, ['/api/aeiou']],
  [{ '^': '/pre' }, ['/api', '/']],
  [{ '/+$': '' }, ['/api/', '/api']],
  [{ '(a)|(b)': '[$1$2]' }, ['/b', '/a']],
  [{ '\\.(json|xml)$': '' }, ['/a.json', '/a.json?x']],
];

const joins = [
  ['', {}, ['/api/x', '/api', '/', '/api?x=1', '/api?x=1?y']],
  ['/', {}, ['/api/x']],
  ['/base', {}, ['/api/x', '/', '/api?x=1']],
  ['/base/', {}, ['/api/x', '/']],
  ['/base/a', { prependPath: false }, ['/api/x']],
  ['/base', { ignorePath: true }, ['/api/x?y=1']],
  ['/base/', { ignorePath: true }, ['/api/x']],
  ['/base?k=v', { ignorePath: true }, ['/api/x?y=1']],
  ['', { ignorePath: true }, ['/api/x']],
  ['/base', { pathRewrite: { '^/api': '' } }, ['/api', '/api/x', '/api?x=1']],
  ['/base/', { pathRewrite: { '^/api': '' } }, ['/api', '/api/x', '/api?x=1']],
  ['/base/', { pathRewrite: { '^/api/': '' } }, ['/api/x', '/api/']],
];

const upstream = http.createServer((req, res) => res.end(req.url)).listen(0, '127.0.0.1');
await once(upstream, 'listening');
const target = `http://127.0.0.1:${upstream.address().port}`;

// ask sends uri as it is, which fetch wouldn't, through a proxy with options.
async function ask(options, uri) {
  const proxy = createProxyMiddleware({ logger: undefined, ...options });
  const server = http.createServer((req, res) => proxy(req, res, () => { res.writeHead(404); res.end(); }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.write(`GET ${uri} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  server.close();
  const [head, body] = answer.split('\r\n\r\n');
  const status = Number(head.split(' ')[1]);
  if (status === 404) return null;
  if (status !== 200) throw new Error(`${JSON.stringify(options)} ${uri}: ${answer}`);
  return head.includes('chunked') ? body.split('\r\n')[1] : body;
}

const answers = { contexts: [], rewrites: [], joins: [] };
for (const [context, uris] of contexts) {
  for (const uri of uris) {
    answers.contexts.push({ context, uri, matches: (await ask({ target, pathFilter: context }, uri)) !== null });
  }
}
for (const [pathRewrite, uris] of rewrites) {
  for (const uri of uris) answers.rewrites.push({ pathRewrite, uri, asks: await ask({ target, pathRewrite }, uri) });
}
for (const [path, options, uris] of joins) {
  for (const uri of uris) answers.joins.push({ path, options, uri, asks: await ask({ target: target + path, ...options }, uri) });
}
upstream.close();
const lines = Object.entries(answers).map(([name, list]) =>
  ` ${JSON.stringify(name)}: [\n${list.map((one) => `  ${JSON.stringify(one)}`).join(',\n')}\n ]`);
console.log(`{\n${lines.join(',\n')}\n}`);
