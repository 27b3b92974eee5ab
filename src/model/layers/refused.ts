/** Layer classes and operations of Keras 3.15 that are not run, and why: each is a refusal at upload that names what comes nearest. */

const OWN_CODE = "it runs code of another framework. Replace it with Keras' own layers.";
const FUNCTION = "it calls a function of the model's own, which is never run. Write the loop out as layers.";
const STRINGS = 'strings are no input of a model here. Look them up before the model, and begin it with an Input of whole numbers.';

const LAYERS: Readonly<Record<string, string>> = {
  FlaxLayer: OWN_CODE,
  JaxLayer: OWN_CODE,
  TFSMLayer: OWN_CODE,
  TorchModuleWrapper: OWN_CODE,
  Hashing: 'its hash is not computed here. Hash before the model, and begin it with an Input of whole numbers.',
  HashedCrossing: 'its hash is not computed here. Cross and hash before the model, and begin it with an Input of whole numbers.',
  StringLookup: STRINGS,
  TextVectorization: STRINGS,
  IntegerLookup: 'its table is no weight. Look the numbers up before the model, or use an Embedding of the numbers themselves.',
  Wrapper: 'a bare Wrapper has no computation of its own. Use the wrapped layer.',
  Layer: 'a bare Layer has no computation. Use Identity.',
};

const OPERATIONS: Readonly<Record<string, string>> = {
  Map: FUNCTION,
  Scan: FUNCTION,
  AssociativeScan: FUNCTION,
  WhileLoop: FUNCTION,
  ForiLoop: FUNCTION,
  Cond: FUNCTION,
  VectorizedMap: FUNCTION,
  Switch: FUNCTION,
  Ravel: 'it joins the samples of a batch. Flatten joins the axes of each sample.',
};

/** Why a class is not run; null where nothing more is known than that. */
export function refusalOf(className: string, operation: boolean): string | null {
  const table = operation ? OPERATIONS : LAYERS;
  return Object.hasOwn(table, className) ? table[className]! : null;
}
