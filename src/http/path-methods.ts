import type { FastifyInstance } from 'fastify';

/** Collects the routes that are registered from here on; the function says which methods a path has, so that a wrong one is told from a wrong path. */
export function pathMethods(app: FastifyInstance): (path: string) => string[] {
  const patterns = new Map<string, { matches: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const source = url
      .split('/')
      .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : literal(part)))
      .join('/');
    const known = patterns.get(url) ?? { matches: new RegExp(`^${source}$`), methods: new Set() };
    for (const name of [method].flat()) known.methods.add(name);
    patterns.set(url, known);
  });
  return (path) => {
    const methods = [...patterns.values()].flatMap((pattern) => (pattern.matches.test(path) ? [...pattern.methods] : []));
    return [...new Set(methods)].sort();
  };
}
