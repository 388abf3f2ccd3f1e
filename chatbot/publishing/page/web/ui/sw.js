// The service worker: keeps the shell of the page, never a message or an answer of the server.
// The line before this one, which the server writes, sets self.shell = {version, paths}.

const {version, paths} = self.shell;
const CACHE = `shell-${version}`;

self.addEventListener('install', (event) => {
  // To programs that ask for no HTML, the root is not the page.
  const requests = paths.map((path) => new Request(path, {headers: {Accept: 'text/html, */*'}}));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
  self.skipWaiting();
});

self.addEventListener('activate', (event) => {
  event.waitUntil(dropOldShells());
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  const isShell = url.origin === location.origin && paths.includes(url.pathname);
  if (event.request.method === 'GET' && isShell && !url.search) {
    event.respondWith(fetch(event.request).catch(() => shellOf(url.pathname)));
  }
});

async function dropOldShells() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function shellOf(path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? Response.error();
}
