/**
 * What is used of the schema of TensorFlow Lite's files (`schema.fbs`, version 3, as of TensorFlow 2.21): numbers of types and operators, and fields of tables
 * by their ids. A flatbuffer knows a field by its id alone.
 */

export const SCHEMA_VERSION = 3;
export const FILE_IDENTIFIER = 'TFL3';

export const TENSOR_TYPES = {
  float32: 0,
  float16: 1,
  int32: 2,
  uint8: 3,
  int64: 4,
  bool: 6,
  int16: 7,
  int8: 9,
  uint32: 15,
  uint16: 16,
} as const;
export type TensorType = keyof typeof TENSOR_TYPES;

/** Of one element. */
export const ELEMENT_BYTES: Readonly<Record<TensorType, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  uint8: 1,
  int64: 8,
  bool: 1,
  int16: 2,
  int8: 1,
  uint32: 4,
  uint16: 2,
};

export const OPERATORS = {
  ADD: 0,
  AVERAGE_POOL_2D: 1,
  CONCATENATION: 2,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEQUANTIZE: 6,
  FLOOR: 8,
  FULLY_CONNECTED: 9,
  LOGISTIC: 14,
  MAX_POOL_2D: 17,
  MUL: 18,
  RELU: 19,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  SOFTMAX: 25,
  TANH: 28,
  GATHER: 36,
  TRANSPOSE: 39,
  MEAN: 40,
  SUB: 41,
  DIV: 42,
  SQUEEZE: 43,
  STRIDED_SLICE: 45,
  EXP: 47,
  TOPK_V2: 48,
  CAST: 53,
  MAXIMUM: 55,
  ARG_MAX: 56,
  MINIMUM: 57,
  LESS: 58,
  NEG: 59,
  PADV2: 60,
  GREATER: 61,
  GREATER_EQUAL: 62,
  LESS_EQUAL: 63,
  SIN: 66,
  TRANSPOSE_CONV: 67,
  TILE: 69,
  EXPAND_DIMS: 70,
  EQUAL: 71,
  NOT_EQUAL: 72,
  LOG: 73,
  SUM: 74,
  SQRT: 75,
  SHAPE: 77,
  POW: 78,
  ARG_MIN: 79,
  REDUCE_PROD: 81,
  REDUCE_MAX: 82,
  LOGICAL_OR: 84,
  LOGICAL_AND: 86,
  LOGICAL_NOT: 87,
  REDUCE_MIN: 89,
  REDUCE_ANY: 91,
  RANGE: 96,
  RESIZE_NEAREST_NEIGHBOR: 97,
  LEAKY_RELU: 98,
  MIRROR_PAD: 100,
  ABS: 101,
  CEIL: 104,
  REVERSE_V2: 105,
  COS: 108,
  ELU: 111,
  ROUND: 116,
  SELECT_V2: 123,
  BATCH_MATMUL: 126,
  CUMSUM: 128,
  BROADCAST_TO: 130,
  CONV_3D: 132,
  REDUCE_ALL: 140,
  CONV_3D_TRANSPOSE: 141,
  GELU: 150,
  ATAN2: 156,
  SIGN: 158,
} as const;
export type OperatorName = keyof typeof OPERATORS;

/** How a field lies in its table: `offset` is where a string, a vector or another table lies. */
export type FieldType = 'bool' | 'int8' | 'uint8' | 'int32' | 'uint32' | 'float32' | 'offset';
/** Its id, its type, and what a file that leaves it out means. */
export type Field = readonly [id: number, type: FieldType, absent?: number];

const CONV_3D = {
  padding: [0, 'int8'],
  stride_d: [1, 'int32'],
  stride_w: [2, 'int32'],
  stride_h: [3, 'int32'],
  dilation_d_factor: [5, 'int32', 1],
  dilation_w_factor: [6, 'int32', 1],
  dilation_h_factor: [7, 'int32', 1],
} as const;

/** Options of operators: the number in the union, and the fields that are used. */
export const OPTIONS = {
  Conv2DOptions: {
    number: 1,
    fields: {
      padding: [0, 'int8'],
      stride_w: [1, 'int32'],
      stride_h: [2, 'int32'],
      dilation_w_factor: [4, 'int32', 1],
      dilation_h_factor: [5, 'int32', 1],
    },
  },
  DepthwiseConv2DOptions: {
    number: 2,
    fields: {
      padding: [0, 'int8'],
      stride_w: [1, 'int32'],
      stride_h: [2, 'int32'],
      depth_multiplier: [3, 'int32'],
      dilation_w_factor: [5, 'int32', 1],
      dilation_h_factor: [6, 'int32', 1],
    },
  },
  Pool2DOptions: {
    number: 5,
    fields: {
      padding: [0, 'int8'],
      stride_w: [1, 'int32'],
      stride_h: [2, 'int32'],
      filter_width: [3, 'int32'],
      filter_height: [4, 'int32'],
    },
  },
  FullyConnectedOptions: { number: 8, fields: { keep_num_dims: [2, 'bool'], asymmetric_quantize_inputs: [3, 'bool'] } },
  SoftmaxOptions: { number: 9, fields: { beta: [0, 'float32'] } },
  ConcatenationOptions: { number: 10, fields: { axis: [0, 'int32'] } },
  ResizeBilinearOptions: { number: 15, fields: { half_pixel_centers: [3, 'bool'] } },
  GatherOptions: { number: 23, fields: { axis: [0, 'int32'] } },
  ReducerOptions: { number: 27, fields: { keep_dims: [0, 'bool'] } },
  SqueezeOptions: { number: 30, fields: { squeeze_dims: [0, 'offset'] } },
  StridedSliceOptions: { number: 32, fields: { begin_mask: [0, 'int32'], end_mask: [1, 'int32'] } },
  ArgMaxOptions: { number: 40, fields: { output_type: [0, 'int8'] } },
  TransposeConvOptions: { number: 49, fields: { padding: [0, 'int8'], stride_w: [1, 'int32'], stride_h: [2, 'int32'] } },
  ShapeOptions: { number: 55, fields: { out_type: [0, 'int8'] } },
  ArgMinOptions: { number: 57, fields: { output_type: [0, 'int8'] } },
  ResizeNearestNeighborOptions: { number: 74, fields: { half_pixel_centers: [1, 'bool'] } },
  LeakyReluOptions: { number: 75, fields: { alpha: [0, 'float32'] } },
  MirrorPadOptions: { number: 77, fields: { mode: [0, 'int8'] } },
  BatchMatMulOptions: { number: 101, fields: { adj_y: [1, 'bool'] } },
  CumsumOptions: { number: 102, fields: {} },
  Conv3DOptions: { number: 106, fields: CONV_3D },
  GeluOptions: { number: 116, fields: {} },
} as const satisfies Record<string, { number: number; fields: Record<string, Field> }>;
export type OptionsName = keyof typeof OPTIONS;
export type OptionFields<Name extends OptionsName> = { [Key in keyof (typeof OPTIONS)[Name]['fields']]?: number | readonly number[] };

export const PADDING = { same: 0, valid: 1 } as const;
export const MIRROR_PAD_MODE = { reflect: 0, symmetric: 1 } as const;

/** The tables that make up a file, with the fields that are used. */
export const TABLES = {
  Model: {
    version: [0, 'uint32'],
    operator_codes: [1, 'offset'],
    subgraphs: [2, 'offset'],
    description: [3, 'offset'],
    buffers: [4, 'offset'],
    signature_defs: [7, 'offset'],
  },
  OperatorCode: { deprecated_builtin_code: [0, 'int8'], version: [2, 'int32', 1], builtin_code: [3, 'int32'] },
  SubGraph: { tensors: [0, 'offset'], inputs: [1, 'offset'], outputs: [2, 'offset'], operators: [3, 'offset'], name: [4, 'offset'] },
  Buffer: { data: [0, 'offset'] },
  Tensor: {
    shape: [0, 'offset'],
    type: [1, 'int8'],
    buffer: [2, 'uint32'],
    name: [3, 'offset'],
    quantization: [4, 'offset'],
    shape_signature: [7, 'offset'],
  },
  QuantizationParameters: { scale: [2, 'offset'], zero_point: [3, 'offset'], quantized_dimension: [6, 'int32'] },
  Operator: {
    opcode_index: [0, 'uint32'],
    inputs: [1, 'offset'],
    outputs: [2, 'offset'],
    builtin_options_type: [3, 'uint8'],
    builtin_options: [4, 'offset'],
  },
  SignatureDef: { inputs: [0, 'offset'], outputs: [1, 'offset'], signature_key: [2, 'offset'] },
  TensorMap: { name: [0, 'offset'], tensor_index: [1, 'uint32'] },
} as const satisfies Record<string, Record<string, Field>>;
