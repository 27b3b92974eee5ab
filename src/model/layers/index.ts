/** Every layer class the service reads, counts, prunes and runs. `engine/layers` has the execution under the same names. */

import { activation } from './activation.ts';
import { activityRegularization } from './activity-regularization.ts';
import { adaptiveAveragePooling1d } from './adaptive-average-pooling-1d.ts';
import { adaptiveAveragePooling2d } from './adaptive-average-pooling-2d.ts';
import { adaptiveAveragePooling3d } from './adaptive-average-pooling-3d.ts';
import { adaptiveMaxPooling1d } from './adaptive-max-pooling-1d.ts';
import { adaptiveMaxPooling2d } from './adaptive-max-pooling-2d.ts';
import { adaptiveMaxPooling3d } from './adaptive-max-pooling-3d.ts';
import { add } from './add.ts';
import { additiveAttention } from './additive-attention.ts';
import { alphaDropout } from './alpha-dropout.ts';
import { attention } from './attention.ts';
import { average } from './average.ts';
import { averagePooling1d } from './average-pooling-1d.ts';
import { averagePooling2d } from './average-pooling-2d.ts';
import { averagePooling3d } from './average-pooling-3d.ts';
import { batchNormalization } from './batch-normalization.ts';
import { bidirectional } from './bidirectional.ts';
import { categoryEncoding } from './category-encoding.ts';
import { centerCrop } from './center-crop.ts';
import { concatenate } from './concatenate.ts';
import { conv1d } from './conv-1d.ts';
import { conv1dTranspose } from './conv-1d-transpose.ts';
import { conv2d } from './conv-2d.ts';
import { conv2dTranspose } from './conv-2d-transpose.ts';
import { conv3d } from './conv-3d.ts';
import { conv3dTranspose } from './conv-3d-transpose.ts';
import { convLstm1d } from './conv-lstm-1d.ts';
import { convLstm2d } from './conv-lstm-2d.ts';
import { convLstm3d } from './conv-lstm-3d.ts';
import { cropping1d } from './cropping-1d.ts';
import { cropping2d } from './cropping-2d.ts';
import { cropping3d } from './cropping-3d.ts';
import { customScaleLayer } from './custom-scale-layer.ts';
import { dense } from './dense.ts';
import { depthwiseConv1d } from './depthwise-conv-1d.ts';
import { depthwiseConv2d } from './depthwise-conv-2d.ts';
import { discretization } from './discretization.ts';
import { dot } from './dot.ts';
import { dropout } from './dropout.ts';
import { einsumDense } from './einsum-dense.ts';
import { eLU } from './elu.ts';
import { embedding } from './embedding.ts';
import { flatten } from './flatten.ts';
import { gaussianDropout } from './gaussian-dropout.ts';
import { gaussianNoise } from './gaussian-noise.ts';
import { globalAveragePooling1d } from './global-average-pooling-1d.ts';
import { globalAveragePooling2d } from './global-average-pooling-2d.ts';
import { globalAveragePooling3d } from './global-average-pooling-3d.ts';
import { globalMaxPooling1d } from './global-max-pooling-1d.ts';
import { globalMaxPooling2d } from './global-max-pooling-2d.ts';
import { globalMaxPooling3d } from './global-max-pooling-3d.ts';
import { groupNormalization } from './group-normalization.ts';
import { groupQueryAttention } from './group-query-attention.ts';
import { gru } from './gru.ts';
import { identity } from './identity.ts';
import { inputLayer } from './input-layer.ts';
import type { LayerClass } from './layer-class.ts';
import { layerNormalization } from './layer-normalization.ts';
import { layerScale } from './layer-scale.ts';
import { leakyReLU } from './leaky-re-lu.ts';
import { lstm } from './lstm.ts';
import { masking } from './masking-layer.ts';
import { maxPooling1d } from './max-pooling-1d.ts';
import { maxPooling2d } from './max-pooling-2d.ts';
import { maxPooling3d } from './max-pooling-3d.ts';
import { maximum } from './maximum.ts';
import { minimum } from './minimum.ts';
import { multiHeadAttention } from './multi-head-attention.ts';
import { multiply } from './multiply.ts';
import { normalization } from './normalization.ts';
import { OPERATIONS } from './operations/index.ts';
import { pReLU } from './p-re-lu.ts';
import { permute } from './permute.ts';
import { randomImages } from './random-images.ts';
import { reLU } from './re-lu.ts';
import { repeatVector } from './repeat-vector.ts';
import { rescaling } from './rescaling.ts';
import { reshape } from './reshape.ts';
import { resizing } from './resizing.ts';
import { reversibleEmbedding } from './reversible-embedding.ts';
import { rmsNormalization } from './rms-normalization.ts';
import { rnn } from './rnn.ts';
import { separableConv1d } from './separable-conv-1d.ts';
import { separableConv2d } from './separable-conv-2d.ts';
import { simpleRNN } from './simple-rnn.ts';
import { softmax } from './softmax.ts';
import { spatialDropout1d } from './spatial-dropout-1d.ts';
import { spatialDropout2d } from './spatial-dropout-2d.ts';
import { spatialDropout3d } from './spatial-dropout-3d.ts';
import { stochasticDepth } from './stochastic-depth.ts';
import { subtract } from './subtract.ts';
import { timeDistributed } from './time-distributed.ts';
import { unitNormalization } from './unit-normalization.ts';
import { upSampling1d } from './up-sampling-1d.ts';
import { upSampling2d } from './up-sampling-2d.ts';
import { upSampling3d } from './up-sampling-3d.ts';
import { zeroPadding1d } from './zero-padding-1d.ts';
import { zeroPadding2d } from './zero-padding-2d.ts';
import { zeroPadding3d } from './zero-padding-3d.ts';

export const LAYER_CLASSES = {
  ...OPERATIONS,
  Activation: activation,
  ActivityRegularization: activityRegularization,
  AdaptiveAveragePooling1D: adaptiveAveragePooling1d,
  AdaptiveAveragePooling2D: adaptiveAveragePooling2d,
  AdaptiveAveragePooling3D: adaptiveAveragePooling3d,
  AdaptiveMaxPooling1D: adaptiveMaxPooling1d,
  AdaptiveMaxPooling2D: adaptiveMaxPooling2d,
  AdaptiveMaxPooling3D: adaptiveMaxPooling3d,
  Add: add,
  AdditiveAttention: additiveAttention,
  AlphaDropout: alphaDropout,
  Attention: attention,
  AugMix: randomImages,
  Average: average,
  AveragePooling1D: averagePooling1d,
  AveragePooling2D: averagePooling2d,
  AveragePooling3D: averagePooling3d,
  BatchNormalization: batchNormalization,
  Bidirectional: bidirectional,
  CategoryEncoding: categoryEncoding,
  CenterCrop: centerCrop,
  Concatenate: concatenate,
  Conv1D: conv1d,
  Conv1DTranspose: conv1dTranspose,
  Conv2D: conv2d,
  Conv2DTranspose: conv2dTranspose,
  Conv3D: conv3d,
  Conv3DTranspose: conv3dTranspose,
  ConvLSTM1D: convLstm1d,
  ConvLSTM2D: convLstm2d,
  ConvLSTM3D: convLstm3d,
  Cropping1D: cropping1d,
  Cropping2D: cropping2d,
  Cropping3D: cropping3d,
  CustomScaleLayer: customScaleLayer,
  CutMix: randomImages,
  Dense: dense,
  DepthwiseConv1D: depthwiseConv1d,
  DepthwiseConv2D: depthwiseConv2d,
  Discretization: discretization,
  Dot: dot,
  Dropout: dropout,
  ELU: eLU,
  EinsumDense: einsumDense,
  Embedding: embedding,
  Flatten: flatten,
  GRU: gru,
  GaussianDropout: gaussianDropout,
  GaussianNoise: gaussianNoise,
  GlobalAveragePooling1D: globalAveragePooling1d,
  GlobalAveragePooling2D: globalAveragePooling2d,
  GlobalAveragePooling3D: globalAveragePooling3d,
  GlobalMaxPooling1D: globalMaxPooling1d,
  GlobalMaxPooling2D: globalMaxPooling2d,
  GlobalMaxPooling3D: globalMaxPooling3d,
  GroupNormalization: groupNormalization,
  GroupQueryAttention: groupQueryAttention,
  Identity: identity,
  InputLayer: inputLayer,
  LSTM: lstm,
  LayerNormalization: layerNormalization,
  LayerScale: layerScale,
  LeakyReLU: leakyReLU,
  Masking: masking,
  MaxNumBoundingBoxes: randomImages,
  MaxPooling1D: maxPooling1d,
  MaxPooling2D: maxPooling2d,
  MaxPooling3D: maxPooling3d,
  Maximum: maximum,
  Minimum: minimum,
  MixUp: randomImages,
  MultiHeadAttention: multiHeadAttention,
  Multiply: multiply,
  Normalization: normalization,
  PReLU: pReLU,
  Permute: permute,
  RMSNormalization: rmsNormalization,
  RNN: rnn,
  RandAugment: randomImages,
  RandomBrightness: randomImages,
  RandomColorDegeneration: randomImages,
  RandomColorJitter: randomImages,
  RandomContrast: randomImages,
  RandomElasticTransform: randomImages,
  RandomErasing: randomImages,
  RandomFlip: randomImages,
  RandomGaussianBlur: randomImages,
  RandomGrayscale: randomImages,
  RandomHue: randomImages,
  RandomInvert: randomImages,
  RandomPerspective: randomImages,
  RandomPosterization: randomImages,
  RandomRotation: randomImages,
  RandomSaturation: randomImages,
  RandomSharpness: randomImages,
  RandomShear: randomImages,
  RandomTranslation: randomImages,
  RandomZoom: randomImages,
  ReLU: reLU,
  RepeatVector: repeatVector,
  Rescaling: rescaling,
  Reshape: reshape,
  Resizing: resizing,
  ReversibleEmbedding: reversibleEmbedding,
  SeparableConv1D: separableConv1d,
  SeparableConv2D: separableConv2d,
  SimpleRNN: simpleRNN,
  Softmax: softmax,
  Solarization: randomImages,
  SpatialDropout1D: spatialDropout1d,
  SpatialDropout2D: spatialDropout2d,
  SpatialDropout3D: spatialDropout3d,
  StochasticDepth: stochasticDepth,
  Subtract: subtract,
  TimeDistributed: timeDistributed((): Record<string, LayerClass> => LAYER_CLASSES),
  UnitNormalization: unitNormalization,
  UpSampling1D: upSampling1d,
  UpSampling2D: upSampling2d,
  UpSampling3D: upSampling3d,
  ZeroPadding1D: zeroPadding1d,
  ZeroPadding2D: zeroPadding2d,
  ZeroPadding3D: zeroPadding3d,
} as const satisfies Record<string, LayerClass>;

export type LayerClassName = keyof typeof LAYER_CLASSES;

/** Whether the service has the class. */
export function isLayerClass(name: string): name is LayerClassName {
  return Object.hasOwn(LAYER_CLASSES, name);
}

/** The facts of a class. */
export function layerClass(name: LayerClassName): LayerClass {
  return LAYER_CLASSES[name];
}

export * from './layer-class.ts';
