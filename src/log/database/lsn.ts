/** A place in the write-ahead log, `16/B374D848`, as a number; 0 where the server does not tell. */
export function parseLsn(text: string | null): bigint {
  const match = /^([0-9A-F]+)\/([0-9A-F]+)$/i.exec(text ?? '');
  return match ? (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`) : 0n;
}
