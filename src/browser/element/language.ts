/**
 * The language of an element, as a locale for `Intl`: the nearest `lang` that `Intl` supports, across shadow roots.
 *
 * @returns `undefined` if there is none; `Intl` then uses the browser's language.
 */
export function languageOf(element: Element): string | undefined {
  for (let at: Element | null = element; at !== null; at = parentOf(at)) {
    const locale = localeOf(at.getAttribute('lang') ?? '');
    if (locale !== undefined) return locale;
  }
  return undefined;
}

/** Converts a language tag or a POSIX locale (`de_DE`, `de_DE.UTF-8`, `ca_ES@euro`) to a locale that `Intl` supports. */
export function localeOf(tag: string): string | undefined {
  const name = tag
    .trim()
    .replace(/[.@].*$/s, '')
    .replaceAll('_', '-');
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(name)[0];
  } catch {
    // Not a language tag.
    return undefined;
  }
}

function parentOf(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}
