/**
 * The language of an element, as a locale for `Intl`: from the nearest `lang` that `Intl` supports, through shadow roots.
 *
 * @returns `undefined`, which is the browser's language to `Intl`, if there is none.
 */
export function languageOf(element: Element): string | undefined {
  for (let at: Element | null = element; at !== null; at = parentOf(at)) {
    const locale = localeOf(at.getAttribute('lang') ?? '');
    if (locale !== undefined) return locale;
  }
  return undefined;
}

/** A locale that `Intl` supports, also from the names that servers use: `de_DE`, `de_DE.UTF-8`, `ca_ES@euro`. */
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
