// Light or dark, the size of text, and a page as high as the screen above the keyboard.
import {readPreference} from './preferences.js';

/** Follow the choices of the menu, the system and the on-screen keyboard from now on. */
export function followAppearance() {
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', applyAppearance);
  applyAppearance();
  followKeyboard();
}

/** Show the page as the preferences say. */
export function applyAppearance() {
  const root = document.documentElement;
  const chosen = readPreference('theme', 'auto');
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = chosen === 'auto' ? (isDark ? 'dark' : 'light') : chosen;
  root.dataset.size = readPreference('size', 'normal');
  const background = getComputedStyle(root).getPropertyValue('--surface').trim();
  document.querySelector('meta[name=theme-color]')?.setAttribute('content', background);
}

/**
 * Keep the input above the on-screen keyboard where it covers the page instead of resizing it
 * (Safari on iPhone).
 */
function followKeyboard() {
  const viewport = window.visualViewport;
  if (!viewport) {
    return;
  }
  const fit = () => {
    if (viewport.scale > 1.01) {
      return; // zoomed in by a person: leave the page where it is
    }
    const root = document.documentElement;
    root.style.setProperty('--height', `${viewport.height}px`);
    root.toggleAttribute('data-keyboard', window.screen.height - viewport.height > 300);
    window.scrollTo(0, 0);
  };
  viewport.addEventListener('resize', fit);
  viewport.addEventListener('scroll', fit);
  fit();
}
