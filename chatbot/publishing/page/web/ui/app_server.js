// The page that `chatbot serve` serves: log in, then talk.
import {followAppearance} from './appearance.js';
import {codeOf} from './backend.js';
import {byId} from './elements.js';
import {askAtGate} from './gate.js';
import {offerInstallation} from './installation.js';
import {translateDocument} from './language.js';
import {Messenger} from './messenger.js';
import {ServerBackend, logIn, readServer} from './server.js';
import {currentVisit, forgetVisit, hasVisited, onForgottenVisit} from './visits.js';

async function startServerPage() {
  byId('page-opening').remove();
  followAppearance();
  translateDocument();
  offerInstallation();
  onForgottenVisit(() => location.reload()); // logged out in another tab
  const {personas, storesChoices} = await serverAfterLogin();
  const backend = new ServerBackend(personas, currentVisit(), storesChoices);
  const messenger = new Messenger(backend, {
    leaving: 'logout',
    askAgain: () => askForPassword('login'),
    onLeave: async () => {
      await forgetVisit();
      location.reload();
    },
  });
  await messenger.start();
}

/** @returns {ReturnType<typeof readServer>} as soon as the server tells it */
async function serverAfterLogin() {
  for (let warning = ''; ; ) {
    try {
      return await readServer();
    } catch (error) {
      const code = codeOf(error);
      warning = code === 'login' ? '' : code;
    }
    if (warning === 'network') {
      addEventListener('online', () => location.reload(), {once: true});
    }
    await askForPassword(warning);
  }
}

/**
 * @param {string} warning  the code of an error to say, or ""
 * @returns {Promise<void>}
 */
async function askForPassword(warning) {
  const isKnown = hasVisited();
  const forget = isKnown ? forgetVisit : undefined;
  await askAtGate({subject: 'login', open: logIn, warning, forget});
  if (isKnown && !hasVisited()) {
    location.reload(); // somebody else: nothing of the conversation stays on the screen
    await new Promise(() => {});
  }
}

startServerPage();
