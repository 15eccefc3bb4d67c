/**
 * Whether a link is safe to render as an `href`: http(s), or a path on the same site that begins with one
 * `/`. A second `/` or a `\` would lead to another site
 * (browsers read `\` as `/`). Browsers also drop tabs and line breaks inside a URL (WHATWG URL, "basic URL
 * parser", step 3), so `/\t/evil.example` is rejected too.
 */
export function isSafeLink(link: string): boolean {
  // eslint-disable-next-line no-control-regex -- refusing them is the purpose
  if (/[\u0000-\u0020\u007f]/.test(link) || !link.isWellFormed()) return false;
  if (link.startsWith('/')) return !/^\/[/\\]/.test(link);
  if (!/^https?:\/\//i.test(link)) return false;
  return URL.canParse(link);
}
