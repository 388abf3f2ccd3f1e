// Whether the server answers: a banner while it does not, and another try when it is back.
import {byId} from './elements.js';
import {setText} from './language.js';

const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 20000;
const GREETING_MS = 3000;

/** Watches a backend that needs a network; for others nothing is ever lost. */
export class Connection {
  /**
   * @param {import('./backend.js').Backend} backend
   * @param {{onChange: () => void, onBack: () => void}} events  onBack: answer what waits
   */
  constructor(backend, events) {
    this.backend = backend;
    this.events = events;
    this.isLost = false;
    this.isWaitedFor = false; // an answer failed meanwhile
    this.timer = 0;
    this.wait = FIRST_WAIT_MS;
    if (backend.isReachable) {
      addEventListener('offline', () => this.watch());
      addEventListener('online', () => this.isLost && this.check());
    }
  }

  /** An answer failed because nothing reached the server. */
  lose() {
    this.isWaitedFor = true;
    this.watch();
  }

  watch() {
    if (this.isLost) {
      return;
    }
    this.isLost = true;
    this.wait = FIRST_WAIT_MS;
    this.show('notice.offline', false);
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.check(), this.wait);
    this.wait = Math.min(LONGEST_WAIT_MS, 1.5 * this.wait);
  }

  async check() {
    if (this.isLost && !(await this.backend.isReachable?.())) {
      this.schedule();
      return;
    }
    const waits = this.isWaitedFor;
    this.restore();
    if (waits) {
      this.events.onBack();
    }
  }

  /** The server answers again. */
  restore() {
    if (!this.isLost) {
      return;
    }
    clearTimeout(this.timer);
    this.isLost = this.isWaitedFor = false;
    this.show('notice.online', true);
    this.timer = window.setTimeout(() => {
      byId('banner').hidden = true;
    }, GREETING_MS);
  }

  /**
   * @param {string} key
   * @param {boolean} isGood
   */
  show(key, isGood) {
    const banner = byId('banner');
    setText(banner, key);
    banner.classList.toggle('good', isGood);
    banner.hidden = false;
    this.events.onChange();
  }
}
