// The page as an app, where the browser allows it: an entry in the menu, and a shell that opens
// without a network.
import {byId} from './elements.js';

/** Keep the shell in the cache and offer the installation, if the context is secure. */
export function offerInstallation() {
  if (window.isSecureContext && 'serviceWorker' in navigator) {
    navigator.serviceWorker.register('/sw.js').catch(() => {}); // without it the page works too
  }
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    const button = byId('install');
    button.hidden = false;
    button.onclick = () => {
      button.hidden = true;
      /** @type {any} */ (event).prompt();
    };
  });
}
