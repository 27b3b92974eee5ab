/** From a posted body to a specification: recipes written out, and every default filled. */
import type { DatasetFacts } from '../../dataset/facts.ts';
import { readGraph } from '../../model/graph.ts';
import { smallestKept } from '../../pruning/bracket.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { channelMap } from '../../pruning/groups.ts';
import { fillDefaults } from '../../schema.ts';
import type { CheckedModel } from '../check-training.ts';
import { resolveLayers } from '../resolve-layers.ts';
import { JobSpec, LayerSelection, type PruneSpec, Pruning } from '../spec/index.ts';
import { type RecipeModel, smallest } from './smallest.ts';

/** The specification of a body that its schema holds. Throws Problem UNKNOWN_LAYER. */
export async function specOf(
  body: unknown,
  model: Pick<CheckedModel, 'facts' | 'readConfig'>,
  dataset: Pick<DatasetFacts, 'splits'>,
): Promise<JobSpec> {
  const posted = body as Record<string, unknown>;
  if (!posted.recipe) return fillDefaults(JobSpec, posted);
  return fillDefaults(JobSpec, smallest(posted, await recipeModel(posted, model, dataset)));
}

async function recipeModel(
  { pruning = {} }: { pruning?: { layers?: unknown; structure?: unknown } },
  { facts, readConfig }: Pick<CheckedModel, 'facts' | 'readConfig'>,
  { splits }: Pick<DatasetFacts, 'splits'>,
): Promise<RecipeModel> {
  const layers = resolveLayers(fillDefaults(LayerSelection, pruning.layers ?? {}), facts, '/pruning/layers');
  const cut = (criterion: string) =>
    fillDefaults(Pruning, { structure: { type: 'channels' }, criterion: { type: criterion }, target: { parameters: 1 }, layers });
  const graph = readGraph(await readConfig());
  const map = channelMap(graph);
  const gated = groupsToCut(map, cut('taylor'));
  const any = groupsToCut(map, cut('magnitude')).groups.length > 0;
  const how = { pruning: cut(gated.leftOut.length > 0 ? 'magnitude' : 'taylor') } as PruneSpec;
  return {
    parameters: facts.parameters,
    least: any ? smallestKept(how, graph) : null,
    gated: gated.leftOut.length === 0,
    formats: facts.output_formats ?? [facts.format],
    selection: splits.selection,
  };
}
