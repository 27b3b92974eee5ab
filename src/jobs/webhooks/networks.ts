/** Which addresses webhooks may go to: the public Internet, and the networks that the configuration adds. */
import ipaddr from 'ipaddr.js';

export interface Networks {
  /** Whether the configuration names the address' network. */
  adds(address: string): boolean;
  /** Whether a webhook may be sent there: it is a public unicast address, or one that was added. */
  permits(address: string): boolean;
  /** Whether any were added. */
  any: boolean;
}

/** All of what is global unicast today lies in it; other prefixes of IPv6 are reserved, local, or lead to IPv4. */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/** Networks by a list of CIDRs, such as `10.0.0.0/8`; a single address is a network of its own. Throws an Error that names what is none. */
export function networksOf(cidrs: readonly string[]): Networks {
  const added = cidrs.map((text) => {
    try {
      return ipaddr.parseCIDR(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
    } catch {
      throw new Error(`'${text}' is not a network; one is an address and a length, such as 10.0.0.0/8 or fd00::/8`);
    }
  });
  const adds = (address: string): boolean => {
    if (!ipaddr.isValid(address)) return false;
    // An IPv4 address in the clothes of IPv6 is that IPv4 address.
    const parsed = ipaddr.process(address);
    return added.some(([network, length]) => network.kind() === parsed.kind() && parsed.match(network as never, length));
  };
  return {
    adds,
    any: added.length > 0,

    permits(address) {
      if (!ipaddr.isValid(address)) return false;
      if (adds(address)) return true;
      const parsed = ipaddr.process(address);
      if (parsed.range() !== 'unicast') return false;
      return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_IPV6);
    },
  };
}
