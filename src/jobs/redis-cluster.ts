/** Nodes of a Redis Cluster, which name the others, and what all of them ask for. */
export interface ClusterAddress {
  nodes: { host: string; port: number }[];
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
}

/** What `redis+cluster://user:password@host:port,host:port` says, with TLS `rediss+cluster://`; null for what is no such URL. */
export function clusterAddress(url: string): ClusterAddress | null {
  const [, secure, credentials, list] = /^redis(s?)\+cluster:\/\/(?:([^@/]*)@)?([^@/?#]+)\/?$/.exec(url) ?? [];
  const nodes = list?.split(',').map((node) => URL.parse(`redis://${node}`));
  if (!nodes?.every((node) => node !== null && node.hostname !== '')) return null;
  const [username, password] = credentials?.split(':').map(decodeURIComponent) ?? [];
  return {
    nodes: nodes.map((node) => ({ host: node!.hostname.replace(/^\[|\]$/g, ''), port: Number(node!.port || 6379) })),
    username: username || undefined,
    password: password || undefined,
    tls: secure === 's',
  };
}
