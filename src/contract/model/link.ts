/** The rule of {@link isSafeLink}, for messages. */
export const LINK_RULE =
  'must be http(s) without a user name, or begin with one "/", and have no spaces, control characters or direction marks';

/**
 * Whether a link is safe to render as an `href`: http(s), or a path on the same site that begins with one
 * `/`. A second `/` or a `\` would lead to another site
 * (browsers read `\` as `/`). Browsers also drop tabs and line breaks inside a URL (WHATWG URL, "basic URL
 * parser", step 3), so `/\t/evil.example` is rejected too.
 *
 * Also rejected is what makes a link look like another one: a user name (`https://bank.example@evil.example`), and characters that
 * change the direction of text or break lines.
 */
export function isSafeLink(link: string): boolean {
  if (/[\s\p{Cc}\p{Bidi_Control}]/u.test(link) || !link.isWellFormed()) return false;
  if (link.startsWith('/')) return !/^\/[/\\]/.test(link);
  // Up to the end of the host, as browsers read it: any number of slashes, either way.
  return /^https?:\/\//i.test(link) && !/^\w+:[/\\]*[^/\\?#]*@/.test(link) && URL.canParse(link);
}
