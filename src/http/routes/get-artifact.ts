import { ArtifactView, artifactView } from '../../jobs/view.ts';
import { ARTIFACT_ROW } from '../examples.ts';
import { ARTIFACT_LINKS } from '../links.ts';
import { living } from '../living.ts';
import { ARTIFACT_ID } from '../params.ts';
import { route } from '../route.ts';

export const getArtifact = route({
  method: 'GET',
  path: '/v1/artifacts/:id',
  operationId: 'getArtifact',
  summary: 'Look at a file that a job made',
  tag: 'Artifacts',
  access: 'read',
  params: ARTIFACT_ID,
  answers: {
    200: {
      links: ARTIFACT_LINKS,
      description: 'The artifact.',
      content: { 'application/json': { schema: ArtifactView, example: artifactView(ARTIFACT_ROW) } },
    },
  },
  problems: ['NOT_FOUND', 'GONE'],

  async handle({ principal, params, services }) {
    const id = params.id as string;
    return artifactView(living(await services.ledger.findArtifact(principal.tenant, id), 'artifact', id));
  },
});
