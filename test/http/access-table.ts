/**
 * What each route answers to whom: the statuses for a request without a key, with a revoked key, with one of role `read`, and with another tenant's admin's
 * key that names what is alice's. `own`: it acts on the caller's tenant alone, so that the other gets an answer of its own. A route that is missing here
 * fails test/http/access.test.ts; `npm run access-docs` puts the table into docs/access.md.
 */
export interface Access {
  noKey: number;
  revoked: number;
  readOnly: number;
  otherTenant: number | 'own';
}

const looks = (otherTenant: Access['otherTenant'], readOnly = 200): Access => ({ noKey: 401, revoked: 401, readOnly, otherTenant });
/** Also where an admin looks. */
const changes = (otherTenant: Access['otherTenant']): Access => looks(otherTenant, 403);
const open = (status = 200): Access => ({ noKey: status, revoked: status, readOnly: status, otherTenant: 'own' });

export const ACCESS: Record<string, Access> = {
  'POST /v1/models': changes('own'),
  'GET /v1/models': looks('own'),
  'GET /v1/models/:id': looks(404),
  'GET /v1/models/:id/content': looks(404),
  'DELETE /v1/models/:id': changes(404),
  'POST /v1/models/:id/prunability': looks(404),
  'POST /v1/models/:id/predict': changes(404),
  'OPTIONS /v1/uploads': open(204),
  'POST /v1/uploads': changes('own'),
  'HEAD /v1/uploads/:id': changes(404),
  'PATCH /v1/uploads/:id': changes(404),
  'DELETE /v1/uploads/:id': changes(404),
  'POST /v1/datasets': changes('own'),
  'GET /v1/datasets': looks('own'),
  'GET /v1/datasets/:id': looks(404),
  'DELETE /v1/datasets/:id': changes(404),
  // The model that the job names is, for the other, none.
  'POST /v1/jobs': changes(422),
  'GET /v1/jobs': looks('own'),
  'GET /v1/jobs/:id': looks(404),
  'GET /v1/jobs/:id/metrics': looks(404),
  'GET /v1/jobs/:id/events': looks(404),
  'GET /v1/jobs/:id/report': looks(404),
  'GET /v1/jobs/:id/deliveries': looks(404),
  'POST /v1/jobs/:id/deliveries/:delivery/redeliver': changes(404),
  'POST /v1/jobs/:id/pause': changes(404),
  'POST /v1/jobs/:id/resume': changes(404),
  'POST /v1/jobs/:id/cancel': changes(404),
  'DELETE /v1/jobs/:id': changes(404),
  'GET /v1/artifacts/:id': looks(404),
  'GET /v1/artifacts/:id/content': looks(404),
  'GET /v1/webhooks/secret': looks('own'),
  'POST /v1/webhooks/secret': changes('own'),
  'POST /v1/keys': changes('own'),
  'GET /v1/keys': changes('own'),
  'GET /v1/keys/:id': changes(404),
  'DELETE /v1/keys/:id': changes(404),
  'GET /v1/audit': changes('own'),
  'GET /v1/capabilities': looks('own'),
  'GET /healthz': open(),
  // Here nothing of what it needs is there.
  'GET /readyz': open(503),
  'GET /metrics': changes('own'),
  'GET /openapi.yaml': open(),
  'GET /docs/errors': open(),
};
