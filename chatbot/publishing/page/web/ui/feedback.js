// Retries and undos of a conversation -> choices between replies, as `chat` in a terminal has them.
import {isUnanswered, lastReply, turnsOf} from './conversation.js';

/**
 * @typedef {import('./conversation.js').Message} Message
 * @typedef {import('./backend.js').Choice} Choice
 */

/**
 * Follows a conversation. A retried reply loses to the one that stands when the next message is
 * sent; a reply that somebody has answered was accepted. Call a method before the messages change.
 */
export class Feedback {
  /** @param {(choice: Choice) => void} keep */
  constructor(keep) {
    this.keep = keep;
    /** @type {{kind: 'retry'|'undo', text: string}[]} */
    this.rejected = [];
    /** @type {Message[]} */
    this.context = [];
    /** @type {string|null} */
    this.persona = null;
    /** @type {Set<number>} */
    this.accepted = new Set();
  }

  /** @param {Message[]} messages */
  retry(messages) {
    this.reject('retry', messages);
  }

  /** @param {Message[]} messages */
  undo(messages) {
    this.reject('undo', messages);
    this.settle(null);
  }

  /** @param {Message[]} messages */
  goOn(messages) {
    const reply = lastReply(messages);
    reply.forEach(({id}) => this.accepted.add(id));
    const isSame = this.isContext(messages.slice(0, messages.length - reply.length));
    this.settle(isSame && reply.length > 0 ? textOf(reply) : null);
  }

  /**
   * @param {'retry'|'undo'} kind
   * @param {Message[]} messages
   */
  reject(kind, messages) {
    const reply = lastReply(messages);
    const context = messages.slice(0, messages.length - reply.length);
    if (reply.length === 0 || reply.some(({id}) => this.accepted.has(id))
        || !isUnanswered(context)) {
      return;
    }
    if (!this.isContext(context)) {
      this.settle(null);
      this.context = context;
      this.persona = reply[0].persona;
    }
    this.rejected.push({kind, text: textOf(reply)});
  }

  /**
   * @param {Message[]} messages
   * @returns {boolean} whether what was rejected answered these messages
   */
  isContext(messages) {
    return messages.length === this.context.length
      && messages.every(({id}, index) => id === this.context[index].id);
  }

  /** @param {string|null} chosen */
  settle(chosen) {
    const texts = new Map(this.rejected.map(({kind, text}) => [text, kind]));
    for (const [rejected, kind] of texts) {
      if (rejected !== chosen && this.persona !== null) {
        this.keep({kind, turns: turnsOf(this.context), persona: this.persona, rejected, chosen});
      }
    }
    this.rejected = [];
    this.context = [];
  }
}

/**
 * @param {Message[]} messages
 * @returns {string}
 */
function textOf(messages) {
  return messages.map(({text}) => text).join('\n');
}
