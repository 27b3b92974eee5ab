import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../errors.ts';

/**
 * Refuses what no route matches before anything of its body is read, whatever its method and its headers: METHOD_NOT_ALLOWED where the path has other
 * methods, else NOT_FOUND. `methodsOf` says which methods a path has.
 */
export function installNotFound(app: FastifyInstance, methodsOf: (path: string) => string[]): void {
  const refuse = ({ url, method }: FastifyRequest): never => {
    const path = url.split('?')[0] ?? '/';
    const methods = methodsOf(path);
    if (methods.length === 0) throw new Problem('NOT_FOUND', `There is nothing at ${path}`);
    const allow = methods.join(', ');
    throw new Problem('METHOD_NOT_ALLOWED', `${path} has ${allow}. Received: ${method}`, { headers: { allow } });
  };
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) refuse(request);
    done();
  });
  app.setNotFoundHandler(async (request) => refuse(request));
}
