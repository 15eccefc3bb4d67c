import { isSafeLink } from '../../contract/model/link.js';

/** Checks a link again before it is rendered, though the server has checked it. */
export function safeLink(link: unknown): string | null {
  return typeof link === 'string' && isSafeLink(link) ? link : null;
}

/** Sets the address of a link. A page of another site is not told where its reader comes from, and cannot navigate this one. */
export function setLink(element: HTMLAnchorElement, link: string): void {
  element.href = link;
  if (!link.startsWith('/')) element.rel = 'noopener noreferrer';
}
