/** From a posted body to a specification: recipes written out, and every default filled. */
import type { DatasetFacts } from '../../dataset/facts.ts';
import { readGraph } from '../../model/graph.ts';
import { smallestKept } from '../../pruning/bracket.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { channelMap } from '../../pruning/groups.ts';
import { fillDefaults } from '../../schema.ts';
import type { CheckedModel } from '../check-training.ts';
import { atCandidate } from '../compare/at-candidate.ts';
import { resolveLayers } from '../resolve-layers.ts';
import { type Candidate, JobSpec, LayerSelection, type PruneSpec, Pruning } from '../spec/index.ts';
import { type RecipeModel, smallest } from './smallest.ts';

/** The specification of a body that its schema holds; of a comparison, each candidate with its recipe. Throws Problem UNKNOWN_LAYER. */
export async function specOf(
  body: unknown,
  model: Pick<CheckedModel, 'facts' | 'readConfig'>,
  dataset: Pick<DatasetFacts, 'splits'>,
): Promise<JobSpec> {
  const posted = body as Record<string, unknown>;
  const written = (asked: Record<string, unknown>) => recipeModel(asked, model, dataset).then((known) => smallest(asked, known));
  if (posted.type === 'compare') return fillDefaults(JobSpec, await withRecipes(posted, written));
  return fillDefaults(JobSpec, posted.recipe ? await written(posted) : posted);
}

/** A comparison whose candidates have all that their recipes say; as every job of a comparison, they write what the comparison's output says. */
async function withRecipes(
  posted: Record<string, unknown>,
  written: (asked: Record<string, unknown>) => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const candidates: Record<string, unknown>[] = [];
  let output = (posted.output ?? {}) as Record<string, unknown>;
  for (const [index, candidate] of (posted.candidates as (Record<string, unknown> & Pick<Candidate, 'name'>)[]).entries()) {
    if (!candidate.recipe) {
      candidates.push(candidate);
      continue;
    }
    const asked = { ...candidate, fine_tuning: candidate.fine_tuning ?? posted.fine_tuning, output };
    const { output: formats, ...all } = await written(asked).catch((error) => {
      throw atCandidate(error, candidate, index);
    });
    output = formats as typeof output;
    candidates.push(all);
  }
  return { ...posted, candidates, output };
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
