// One conversation: what is sent, answered, stopped, taken back, and stored.
import {BackendError, codeOf} from './backend.js';
import {isUnanswered, lastExchange, lastReply, turnsOf} from './conversation.js';
import {pauseFor} from './elements.js';
import {Feedback} from './feedback.js';

/**
 * @typedef {import('./backend.js').Backend} Backend
 * @typedef {import('./conversation.js').Message} Message
 *
 * @typedef {Object} ChatEvents
 * @property {(state: 'idle'|'waiting'|'writing') => void} onState
 * @property {(done: number, total: number) => void} onReading
 * @property {() => void} onLogin  the server wants the password again
 * @property {() => void} onOffline  the server cannot be reached
 */

const BUBBLE_PAUSE_MS = 450; // between bubbles, as somebody who writes one after the other
const LONG_READING = 256; // tokens from which on the progress is shown

/**
 * A conversation with a backend. A new message interrupts the answer: complete bubbles stay, the
 * unfinished one is dropped, and the bot answers to all of it.
 */
export class Chat {
  /**
   * @param {Backend} backend
   * @param {import('./history.js').History} history
   * @param {import('./messages_view.js').MessagesView} view
   * @param {ChatEvents} events
   */
  constructor(backend, history, view, events) {
    this.backend = backend;
    this.history = history;
    this.view = view;
    this.events = events;
    this.persona = backend.personas[0].id;
    this.feedback = new Feedback((choice) => backend.keepChoice?.(choice));
    this.growing = '';
    this.nextBubbleAt = 0;
    /** @type {Message[]} */
    this.messages = [];
    /** @type {AbortController|null} */
    this.run = null;
    this.changes = Promise.resolve(); // one after the other
  }

  /** Show the stored conversation, and talk with whom spoke last. */
  async open() {
    this.messages = await this.history.load();
    const last = this.messages.findLast((message) => message.persona !== null);
    if (this.backend.personas.some(({id}) => id === last?.persona)) {
      this.persona = String(last?.persona);
    }
    this.view.render(this.messages);
    if (this.backend.keepChoice) {
      this.view.addNotice('notice.choices');
    }
    this.offer();
  }

  /** @param {string} text */
  send(text) {
    this.interrupt();
    this.view.dropNotices();
    return this.inOrder(async () => {
      this.feedback.goOn(this.messages);
      await this.add(null, text);
    }).then(() => this.answer());
  }

  /** Keep what is written, and write no more. */
  async stop() {
    if (!this.run) {
      return;
    }
    const rest = this.growing.trim();
    this.interrupt();
    if (rest) {
      await this.inOrder(() => this.add(this.persona, rest));
    }
    this.view.addNotice('notice.stopped');
    this.offer();
  }

  /** Answer the conversation anew, without the last reply. */
  async retry() {
    this.interrupt();
    this.view.dropNotices();
    await this.inOrder(async () => {
      this.feedback.retry(this.messages);
      await this.remove(lastReply(this.messages));
    });
    await this.answer();
  }

  /** @returns {Promise<string>} the text of the person that was taken back */
  async undo() {
    this.interrupt();
    const exchange = lastExchange(this.messages);
    this.feedback.undo(this.messages);
    await this.inOrder(() => this.remove(exchange));
    this.view.addNotice('notice.takenBack');
    this.offer();
    return exchange.filter(({persona}) => persona === null).map(({text}) => text).join('\n');
  }

  async clear() {
    this.interrupt();
    await this.inOrder(async () => {
      await this.history.clear();
      this.messages = [];
      this.view.render([]);
    });
    this.view.addNotice('notice.cleared');
    this.offer();
  }

  /** Stop the answer that is being written, and forget its unfinished bubble. */
  interrupt() {
    this.run?.abort();
    this.run = null;
    this.growing = '';
    this.view.hidePending();
    this.view.offer({retry: false, undo: false, isUnanswered: false});
    this.events.onState('idle');
  }

  /** Answer what waits for an answer after the server was away. */
  async resume() {
    if (!this.run && isUnanswered(this.messages)) {
      await this.answer();
    }
  }

  /** Let the persona speak. */
  async answer() {
    this.interrupt();
    if (this.messages.length === 0) {
      return;
    }
    const run = new AbortController();
    this.run = run;
    this.nextBubbleAt = 0;
    this.view.dropNotices();
    this.view.showPending(this.persona, '');
    this.events.onState('waiting');
    try {
      await this.read(run.signal);
    } catch (error) {
      if (this.run === run) {
        this.interrupt();
        this.fail(error);
      }
    }
    if (this.run === run) {
      this.interrupt();
      this.offer();
    }
  }

  /** @param {AbortSignal} signal */
  async read(signal) {
    const nBefore = this.messages.length;
    const request = {turns: turnsOf(this.messages), persona: this.persona};
    let reason = 'stop';
    for await (const event of this.backend.reply(request, signal)) {
      if (signal.aborted) {
        return;
      }
      if (event.kind === 'reading' && event.total >= LONG_READING && event.done < event.total) {
        this.events.onReading(event.done, event.total);
      } else if (event.kind === 'text') {
        await this.take(event.text, signal);
      } else if (event.kind === 'end') {
        reason = event.reason;
      }
    }
    await this.finishBubble(signal);
    if (signal.aborted) {
      return;
    }
    if (this.messages.length === nBefore) {
      throw new BackendError('empty');
    }
    if (reason === 'length') {
      this.view.addNotice('notice.length');
    }
  }

  /**
   * @param {string} text
   * @param {AbortSignal} signal
   */
  async take(text, signal) {
    const [first, ...others] = text.split('\n');
    await this.grow(first, signal);
    for (const part of others) {
      await this.finishBubble(signal);
      await this.grow(part, signal);
    }
  }

  /**
   * @param {string} part
   * @param {AbortSignal} signal
   */
  async grow(part, signal) {
    if (part && !this.growing.trim()) {
      await pauseFor(this.nextBubbleAt - Date.now(), signal);
    }
    if (signal.aborted || !part) {
      return;
    }
    this.growing += part;
    this.view.showPending(this.persona, this.growing.trimStart());
    this.events.onState('writing');
  }

  /** @param {AbortSignal} signal */
  async finishBubble(signal) {
    const text = this.growing.trim();
    if (signal.aborted || !text) {
      return;
    }
    this.growing = '';
    this.nextBubbleAt = Date.now() + BUBBLE_PAUSE_MS;
    await this.inOrder(() => this.add(this.persona, text));
    if (!signal.aborted) {
      this.view.showPending(this.persona, '');
    }
  }

  /** @param {unknown} error */
  fail(error) {
    const code = codeOf(error);
    const seconds = error instanceof BackendError ? error.seconds : 0;
    this.view.addError(code, seconds, () => this.retry());
    this.view.offer({retry: false, undo: this.messages.length > 0, isUnanswered: true});
    if (code === 'login') {
      this.events.onLogin();
    } else if (code === 'network') {
      this.events.onOffline();
    }
  }

  /**
   * @param {string|null} persona
   * @param {string} text
   */
  async add(persona, text) {
    const wasKept = this.history.isKept;
    const message = await this.history.add({persona, text, at: Date.now()});
    this.messages.push(message);
    this.view.append(message);
    if (wasKept && !this.history.isKept) {
      this.view.addNotice('notice.memoryOnly');
    }
  }

  /** @param {Message[]} removed */
  async remove(removed) {
    const ids = new Set(removed.map(({id}) => id));
    await this.history.remove([...ids]);
    this.messages = this.messages.filter(({id}) => !ids.has(id));
    this.view.render(this.messages);
  }

  /** Offer what can be done when nobody writes. */
  offer() {
    const hasAny = this.messages.length > 0;
    this.view.offer({retry: hasAny, undo: hasAny, isUnanswered: isUnanswered(this.messages)});
  }

  /**
   * @param {() => Promise<void>} change
   * @returns {Promise<void>}
   */
  inOrder(change) {
    this.changes = this.changes.then(change);
    return this.changes;
  }
}
