/** What the service knows of a layer class without running it: one object of this type a file in this folder. */

/** A layer's `config` as Keras wrote it. */
export type Options = Record<string, unknown>;

/** The axes of one sample: the batch axis is left out; null is a free dimension. */
export type Shape = readonly (number | null)[];

/** What a weight does in its layer; pruning, decay and clipping treat the roles differently. */
export type WeightRole = 'kernel' | 'bias' | 'scale' | 'offset' | 'statistic';

export interface WeightSpec {
  /** The name inside the layer: `kernel`, `bias`, `gamma`, ... */
  name: string;
  shape: readonly number[];
  role: WeightRole;
  /** Which axes of a kernel count the layer's inputs and outputs. Absent for other roles. */
  axes?: { input: number; output: number };
  /** The axes within one output unit of a kernel, over which unit-wise clipping takes norms. Absent: all but the output's. */
  unitAxes?: readonly number[];
  /** How files hold it, where that is not float32. Here it is float32 all the same. */
  stored?: 'int64';
  /** Where it stands under the layer's folder in a `.keras` file, such as `cell/vars/0`. Absent: `vars/<index>`, in the weights' order. */
  store?: string;
}

/** The unit at each index of a tensor's last axis. A unit is what channel pruning removes as one; equal numbers are the same unit. */
export type Units = Int32Array;

/** How a layer class tells channel pruning which axes hang together. Collected by `pruning/groups.ts`. */
export interface Coupling {
  /** The units along the last axis of each input. */
  readonly inputs: readonly Units[];
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  readonly callOptions: Options;
  /** The units along the last axis of each of the further tensors under this name, which the class follows from here on. */
  extra(name: string): readonly Units[];
  /** New units that this layer produces, one per output channel. A second call is for a second output. */
  fresh(count: number): Units;
  /** New units along an axis `name` inside the layer, which no output shows: heads, say. They are silenced there when a cut is proved. */
  inner(kind: UnitKind, name: string, count: number): Units;
  /** Units of an output that must be silenced inside the layer as well, such as those of a recurrence at each of its steps. */
  silenced(name: string, units: Units): void;
  /** Axis `axis` of the weight follows these units. */
  bind(weight: string, axis: number, units: Units): void;
  /**
   * The number in the config under `option`, or at a path of options and indices, is the count of these units; of a list there the last one is (unless it is
   * -1, which follows by itself).
   */
  resize(option: string | ConfigPath, units: Units): void;
  /** The weight is multiplied by √(kept / all) of these units: a query's, whose products Keras divides by √key_dim. */
  rescale(weight: string, units: Units): void;
  /** The layer mixes input `index` over its channels: it reads each unit there and passes none on. */
  reads(index: number): void;
  /** Index by index, these are the same units from here on (a residual sum). */
  tie(a: Units, b: Units): void;
  /** These units may never be removed. */
  freeze(units: Units, reason: FrozenReason, detail: string): void;
}

/** What a unit is: a channel of an output, a head, a dimension of every head, or a unit of a cell below the last one. */
export type UnitKind = 'channels' | 'heads' | 'key_dimensions' | 'value_dimensions' | 'cell_units';

/** Where a number stands in a layer's config. */
export type ConfigPath = readonly (string | number)[];

export type FrozenReason = 'MODEL_OUTPUT' | 'MODEL_INPUT' | 'UNFOLLOWED_LAYER' | 'BROADCAST' | 'SHARED_LAYER';

/** An option the service does not run, as the refusal names it. */
export interface RefusedOption {
  option: string;
  received: unknown;
  accepted: string;
}

export interface LayerClass {
  /** The first option that cannot be run as it is set, or null. */
  refuse?(options: Options): RefusedOption | null;
  /** Shape of the output for one sample. Throws an Error where inputs do not fit. */
  outputShape(options: Options, inputs: readonly Shape[]): Shape;
  /** Shapes of all outputs, for a class that may have several; the first is that of `outputShape`. */
  outputShapes?(options: Options, inputs: readonly Shape[], callOptions: Options): readonly Shape[];
  /** In the order in which Keras stores them. */
  weights?(options: Options, inputs: readonly Shape[]): WeightSpec[];
  /** Multiply-accumulates for one sample. Only kernels count: activations, pooling, normalisation and biases are free, as in the field's counters. */
  macs?(options: Options, inputs: readonly Shape[], output: Shape): number;
  /** The units along the last axis of the output, or of each of the first outputs; those of further ones are frozen. */
  couple(options: Options, coupling: Coupling): Units | Units[];
  /** Outside training the values are those of the only input, in another shape at most. */
  keepsValues?(options: Options): boolean;
  /** The name of the nonlinearity applied last; `linear` where there is none. */
  activation?(options: Options): string;
  /** Names of the inputs in their order, for a class that is called with some of them by keyword; of an operation the names of its parameters. */
  callTensors?: readonly string[];
  /** Whether its input is a list of any number of tensors, as a sum's is. */
  takesList?: boolean;
  /** Further tensors of the call by name, such as `initial_state`: no channel of theirs is followed. An array of the config is an option of the call. */
  callExtras?: readonly string[];
  /** All arguments that may be given by position, in Keras' order. Absent: the inputs, then a mask. */
  callPositions?: readonly string[];
  /** Arguments of the call that are no tensors and change what is computed; any other is ignored. */
  callOptions?: readonly string[];
  /** Throws an Error where the shapes of extras do not fit. */
  checkExtras?(options: Options, inputs: readonly Shape[], extras: Readonly<Record<string, readonly Shape[]>>): void;
  /** Whether what it computes depends on the masks of its inputs. */
  readsMasks?: boolean;
  /** Called where an input has a mask. Throws an Error where Keras, or what runs here, cannot take it. */
  checkMasks?(options: Options, inputs: readonly Shape[], masks: readonly (Shape | null)[]): void;
  /**
   * The mask that the output carries: that of the first input, one of this shape that the call makes as its last output, or none. Absent: none, as where
   * Keras' class does not support masking.
   */
  mask?(options: Options, inputs: readonly Shape[], masks: readonly (Shape | null)[], callOptions: Options): 'first' | Shape | null;
  /** The inputs carry no mask any more once the layer has run, as Keras' multi-head attention has it. */
  dropsInputMasks?: boolean;
  /** Keras hands the input itself on: always, or outside training. */
  handsOn?(options: Options): 'always' | 'outside training' | null;
  /** Why no job trains a model with the layer, and what to do instead; null where jobs do. */
  refuseTraining?(options: Options): string | null;
  /** Its dtype is that of its output, and says nothing of how it computes. */
  anyDtype?: boolean;
  /** The class after which Keras names the layer's folder in a `.keras` file, where that is not the config's. */
  folderClass?: string;
}

/** The number of elements; free dimensions count as one. */
export function size(shape: Shape): number {
  return shape.reduce<number>((product, dimension) => product * (dimension ?? 1), 1);
}
