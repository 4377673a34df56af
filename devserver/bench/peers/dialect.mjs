// Asks http-proxy-middleware, by real requests, what it makes of contexts and
// rewrites, and prints its answers as the fixture that our tests compare with.
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { createProxyMiddleware } from 'http-proxy-middleware';
import micromatch from 'micromatch'; // which http-proxy-middleware uses

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
  // where ** may match nothing
  ['/**/x', ['/x', '/a/x', '//x', '/a/b/x']],
  ['/x/*/**', ['/x', '/x/a', '/x/a/', '/x/a/b']],
  ['/**/*', ['/', '/x', '/x/y', '/.x']],
  ['**/x/*', ['/x/a', '/b/x/a']],
  ['**/.*', ['/.x', '/a/.x', '/a/x']],
  ['*/*', ['/x', '/x/', '/x/y']],
  ['/api/?*', ['/api', '/api/', '/api/x', '/api/xy', '/api/x/y', '/api/.x']],
  ['', ['/', '/x', '/x/y?z']],
  // what is not closed is literal, and the context a prefix
  ['/a{b', ['/a{b', '/ab']],
  ['/a[b', ['/a[b/x', '/ab']],
  ['/a(b', ['/a(b/x', '/ab']],
  ['/a/(b)', ['/a/(b)/x', '/a/b']],
  ['/a/(b', ['/a/(b', '/a/b']],
  ['/a|/b', ['/a|/b', '/a', '/b']],
  ['api', ['/api', '/x/api']],
  ['api/**', ['/api', '/api/x']],
  // groups and extended globs
  ['/(a|b)', ['/a', '/b', '/c', '/a/', '/a/x']],
  ['/(a|b)/**', ['/a', '/a/x', '/b/x/y', '/c/x', '/ab/x']],
  ['/(api|auth)/*', ['/api/x', '/auth/x', '/auth', '/other/x']],
  ['/api/(v1|v2)/(users|orders)/**', ['/api/v1/users', '/api/v2/orders/7', '/api/v3/users', '/api/v1/shops']],
  ['(/a|/b)/**', ['/a/x', '/b', '/c/x']],
  ['/api/@(v1|v2)/**', ['/api/v1/x', '/api/v2', '/api/v3/x', '/api/v1v2/x', '/api/@(v1|v2)/x']],
  ['/@(a|b*)', ['/a', '/b', '/bc', '/ba/c', '/c']],
  ['/a?(b)/*', ['/a/x', '/ab/x', '/abb/x']],
  ['/api?(/**)', ['/api', '/api/x', '/api/x/y', '/apix']],
  ['/api/?(v1|v2)/x', ['/api/v1/x', '/api//x', '/api/x', '/api/v3/x']],
  ['/a*(b)', ['/a', '/ab', '/abbb', '/ac']],
  ['/*(ab|c)/x', ['/ab/x', '/abc/x', '/cabab/x', '//x', '/d/x']],
  ['/+(ab|cd)', ['/ab', '/abcd', '/cdcdab', '/', '/a']],
  ['/v+([0-9])/**', ['/v1', '/v12/x', '/v/x', '/vx/x']],
  ['/api/!(mock)', ['/api/x', '/api/mock', '/api/mocks', '/api/', '/api/x/y']],
  ['/api/!(mock)/**', ['/api/x', '/api/x/y', '/api/mock', '/api/mock/x', '/api/mocks/x']],
  ['/!(assets|static)/**', ['/api/x', '/assets/x', '/static', '/x', '/']],
  ['/!(*.js)', ['/a.js', '/a.css', '/js']],
  ['/!(*.d).ts', ['/a.ts', '/a.d.ts', '/b.js']],
  ['/**/!(*.spec).{ts,js}', ['/a/b.ts', '/a/b.spec.ts', '/b.js']],
  ['!(/api/**)', ['/api/x', '/x', '/']],
  ['!(/api|/auth)', ['/api', '/auth', '/x', '/api/x']],
  ['/a/!(b/c)', ['/a/b', '/a/b/c', '/a/x/y']],
  ['/@(a|*.b)', ['/a', '/x.b', '/.b']],
  ['/@(a|@(b|c))d', ['/ad', '/bd', '/cd', '/d']],
  ['/{a,@(b|c)}/x', ['/a/x', '/b/x', '/c/x', '/d/x']],
  ['/@({a,b}|c)/x', ['/a/x', '/b/x', '/c/x', '/{a,b}/x']],
  ['/(?:a|b)/x', ['/a/x', '/b/x', '/c/x']],
  ['/(a|b)+/x', ['/a/x', '/abba/x', '/c/x']],
  ['/(a|b)?/x', ['/a/x', '//x', '/c/x']],
  ['/api/(a*|b)', ['/api/a', '/api/axe', '/api/b', '/api/c']],
  ['/\\@(a)*', ['/@(a)x', '/ax']],
  ['/a\\(b|c)*', ['/a(b|c)x', '/abx']],
  ['/a(b|c*', ['/a(b|cx', '/abx']],
  ['/a|b)*', ['/a', '/b)x']],
  ['/[[:digit:]]*', ['/1', '/12', '/a']],
  ['/[abc]', ['/a', '/[abc]', '/d']],
  [['/api/**', '!(/api/mock/**)'], ['/api/x', '/api/mock/x', '/x']],
  [['/api/@(a|b)/**', '!/api/a/x'], ['/api/a/y', '/api/a/x', '/api/b/x', '/api/c']],
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

// randomGlobs returns random globs, each with the paths among some random ones that it
// matches and those that it doesn't. It leaves out *(…) and +(…), which micromatch takes for
// literal text if they repeat a wildcard.
function randomGlobs(count) {
  let state = 1;
  const random = (n) => (state = (state * 48271) % 2147483647) % n;
  const pick = (list) => list[random(list.length)];
  const names = ['a', 'b', 'ab', 'v1', 'a.b', '.x'];
  const part = (depth) => {
    switch (depth < 2 ? random(12) : random(8)) {
      case 0: case 1: return '*';
      case 2: return pick(['?*', '[ab]', '[^a]']);
      case 8: return `{${segment(depth + 1)},${segment(depth + 1)}}`;
      case 9: case 10: case 11:
        return `${pick(['', '@', '?', '!'])}(${Array.from({ length: 1 + random(3) }, () => segment(depth + 1)).join('|')})`;
      default: return pick(names);
    }
  };
  const segment = (depth) => Array.from({ length: 1 + random(2) }, () => part(depth)).join('') + (depth > 0 && random(6) === 0 ? '/' + part(depth) : '');
  const path = () => Array.from({ length: 1 + random(3) }, () => '/' + pick([...names, 'aa', 'abab', 'c', ''])).join('');
  return Array.from({ length: count }, () => {
    const glob = pick(['', '', '', '', '!', '**']) + Array.from({ length: 1 + random(3) }, () => '/' + (random(4) ? segment(0) : '**')).join('') + pick(['', '', '/*']);
    const paths = [...new Set(Array.from({ length: 10 }, path))];
    const matches = micromatch(paths, glob);
    return { glob, matches, others: paths.filter((one) => !matches.includes(one)) };
  }).filter(({ glob }) => /[*{!]|[@]\(|\(.*\|/.test(glob) && !/[*+]\(/.test(glob));
}

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

const answers = { contexts: [], rewrites: [], joins: [], globs: randomGlobs(500) };
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
