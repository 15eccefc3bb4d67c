import { BlockList, isIP } from 'node:net';

/** IPv4 that is not the public internet (IANA's special-purpose registry, multicast, reserved). */
const PRIVATE_IPV4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Of the global unicast addresses: Teredo and others, documentation, 6to4 (which embeds any IPv4). */
const PRIVATE_IPV6: readonly (readonly [network: string, bits: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const closed = new BlockList();
const global = new BlockList();
const loopback = new BlockList();
for (const [network, bits] of PRIVATE_IPV4) {
  closed.addSubnet(network, bits, 'ipv4');
  // NAT64 (RFC 6052): networks with IPv6 alone reach IPv4 by it.
  closed.addSubnet(`64:ff9b::${network}`, 96 + bits, 'ipv6');
}
for (const [network, bits] of PRIVATE_IPV6) closed.addSubnet(network, bits, 'ipv6');
global.addSubnet('2000::', 3, 'ipv6');
global.addSubnet('64:ff9b::', 96, 'ipv6');
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether an IP address is on the public internet, so that a URL of a stranger may lead there. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !closed.check(address, 'ipv4');
  // What is not global is local, embeds an IPv4 address, or is unassigned.
  return isIP(address) === 6 && global.check(address, 'ipv6') && !closed.check(address, 'ipv6');
}

export function isLoopbackAddress(address: string): boolean {
  return isIP(address) !== 0 && loopback.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
