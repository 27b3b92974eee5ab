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
  AutoContrast: 'its stretch of each image is not run. Do so before the model.',
  ContrastLimitedAdaptiveHistogramEqualization: 'its equalisation of each image is not run. Do so before the model.',
  MelSpectrogram: 'its transform is not run. Compute spectrograms before the model, and begin it with an Input of them.',
  STFTSpectrogram: 'its transform is not run. Compute spectrograms before the model, and begin it with an Input of them.',
  Equalization: 'its equalisation of each image is not run. Do so before the model.',
  SpectralNormalization:
    'training divides its kernel by the largest singular value, which is not run. Save the model with the wrapped layer in its place.',
  Pipeline: 'a pipeline inside a model is not run. List its layers one after the other.',
  RandomCrop: 'outside training it resizes by rules that are not run. Use CenterCrop or Resizing.',
  GRUCell: 'a cell is no layer of a model by itself. Use GRU, or RNN of the cell.',
  LSTMCell: 'a cell is no layer of a model by itself. Use LSTM, or RNN of the cell.',
  SimpleRNNCell: 'a cell is no layer of a model by itself. Use SimpleRNN, or RNN of the cell.',
  StackedRNNCells: 'cells are no layer of a model by themselves. Use RNN of the cells.',
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
  Conv: 'its kernel is no weight of a layer. Use Conv1D, Conv2D or Conv3D.',
  ConvTranspose: 'its kernel is no weight of a layer. Use Conv2DTranspose.',
  DepthwiseConv: 'its kernel is no weight of a layer. Use DepthwiseConv2D.',
  SeparableConv: 'its kernels are no weights of a layer. Use SeparableConv2D.',
  BatchNorm: 'its statistics are no weights of a layer. Use BatchNormalization.',
  LayerNorm: 'its scale is no weight of a layer. Use LayerNormalization.',
  RMSNorm: 'its scale is no weight of a layer. Use RMSNormalization.',
  DotProductAttention: 'attention by itself is not run. Use MultiHeadAttention, or Attention.',
  Tensordot: 'it is not run. Use einsum, or matmul.',
  Ravel: 'it joins the samples of a batch. Flatten joins the axes of each sample.',
};

/** Why a class is not run; null where nothing more is known than that. */
export function refusalOf(className: string, operation: boolean): string | null {
  const table = operation ? OPERATIONS : LAYERS;
  return Object.hasOwn(table, className) ? table[className]! : null;
}
