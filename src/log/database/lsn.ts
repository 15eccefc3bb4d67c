/** Parses a position in the write-ahead log, such as `16/B374D848`; 0 if the server does not reveal it. */
export function parseLsn(text: string | null): bigint {
  const match = /^([0-9A-F]+)\/([0-9A-F]+)$/i.exec(text ?? '');
  return match ? (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`) : 0n;
}

export function formatLsn(position: bigint): string {
  return `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`;
}
