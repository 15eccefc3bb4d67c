import dns from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from '../../contract/model/public-address.js';

/** A name leads to no address on the public internet. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
}

/**
 * Resolves the names of strangers, for the connection itself: what was public when it was checked may be private now (DNS
 * rebinding). By DNS alone, because `getaddrinfo` would hold one of the four threads that the whole process has for files and
 * names, for as long as a stranger's name server likes.
 */
export const publicLookup: LookupFunction = (hostname, { all, family }, callback) => {
  addressesOf(hostname, Number(family) || 0).then(
    (addresses) => {
      if (all) callback(null, addresses);
      else callback(null, addresses[0]!.address, addresses[0]!.family);
    },
    (error: NodeJS.ErrnoException) => callback(error, '', 0),
  );
};

async function addressesOf(hostname: string, family: number): Promise<LookupAddress[]> {
  const found = await Promise.allSettled([
    family === 6 ? [] : dns.resolve4(hostname),
    family === 4 ? [] : dns.resolve6(hostname),
  ]);
  const addresses = found.flatMap((answer, index) =>
    answer.status === 'fulfilled'
      ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 }))
      : [],
  );
  const failure = found.find((answer) => answer.status === 'rejected');
  if (addresses.length === 0) throw failure?.reason ?? new Error(`${hostname} has no address`);
  const open = addresses.filter(({ address }) => isPublicAddress(address));
  if (open.length === 0) throw new PrivateAddressError(`${hostname} leads to a private address`);
  return open;
}
