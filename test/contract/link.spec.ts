import { describe, expect, it } from '@jest/globals';
import { isSafeLink } from '../../src/contract/model/link.js';

describe('A link', () => {
  it.each([
    '/exports/7',
    '/exports/7?by=ada@example.com#row',
    '/@ada',
    'https://example.com/@ada/7',
    'https://example.com?to=ada@example.com',
    'https://example.com#@',
    'HTTP://EXAMPLE.COM/',
    'https://例え.example/パス',
    'https://example.com:8443/%E2%80%AE',
  ])('may be %s', (link) => expect(isSafeLink(link)).toBe(true));

  it.each([
    ['a scheme that runs code', 'javascript:alert(1)'],
    ['another site', '//evil.example'],
    ['another site, by a backslash', '/\\evil.example'],
    ['a path of the page', 'exports/7'],
    ['no host', 'https://'],
    ['a user name', 'https://bank.example@evil.example/'],
    ['a user name and a password', 'https://bank.example:443@evil.example/'],
    ['an empty user name', 'https://@evil.example/'],
    ['a user name behind more slashes', 'https:////bank.example@evil.example/'],
    ['a user name behind backslashes', 'https://\\bank.example@evil.example/'],
    ['a user name in percent encoding', 'https://bank%2Eexample@evil.example/'],
    ...[0x09, 0x0a, 0x0d, 0x20, 0x7f, 0x85, 0xa0, 0x2028, 0x2029, 0x3000, 0xfeff].map((code) => [
      `U+${code.toString(16)}`,
      `/exports${String.fromCodePoint(code)}/7`,
    ]),
    // Bidi_Control (Unicode, UAX 9): marks, embeddings, overrides, isolates.
    ...[0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069].map(
      (code) => [`U+${code.toString(16)}`, `https://example.com/${String.fromCodePoint(code)}gnp.exe`],
    ),
    ['a lone surrogate', '/\ud800'],
  ])('must not have %s', (_what, link) => expect(isSafeLink(link)).toBe(false));
});
