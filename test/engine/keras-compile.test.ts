/** The compile_config that stock Keras writes is read in full and written again as Keras writes it; schedules give Keras' rates. */
import { describe, expect, it } from 'vitest';
import { readCompile } from '../../src/model/compile.ts';
import { serialisedLoss, serialisedOptimizer } from '../../src/model/compile-config.ts';
import { configText } from '../../src/model/formats/config-text.ts';
import { type KerasSchedule, scheduledRate } from '../../src/model/learning-rate-schedule.ts';
import { LOSSES } from '../../src/model/losses.ts';
import { OPTIMIZER_CLASSES } from '../../src/model/optimizer-classes.ts';
import { startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

const keras = startKeras();

const SCHEDULES: [Record<string, unknown>, KerasSchedule][] = [
  [
    { schedule: 'CosineDecay', initial_learning_rate: 0.1, decay_steps: 8, alpha: 0.2 },
    { type: 'cosine_decay', initial_learning_rate: 0.1, decay_steps: 8, alpha: 0.2, warmup_target: null, warmup_steps: 0 },
  ],
  [
    { schedule: 'CosineDecay', initial_learning_rate: 0.1, decay_steps: 8, warmup_target: 0.5, warmup_steps: 4 },
    { type: 'cosine_decay', initial_learning_rate: 0.1, decay_steps: 8, alpha: 0, warmup_target: 0.5, warmup_steps: 4 },
  ],
  [
    { schedule: 'ExponentialDecay', initial_learning_rate: 0.1, decay_steps: 4, decay_rate: 0.5 },
    { type: 'exponential_decay', initial_learning_rate: 0.1, decay_steps: 4, decay_rate: 0.5, staircase: false },
  ],
  [
    { schedule: 'ExponentialDecay', initial_learning_rate: 0.1, decay_steps: 4, decay_rate: 0.5, staircase: true },
    { type: 'exponential_decay', initial_learning_rate: 0.1, decay_steps: 4, decay_rate: 0.5, staircase: true },
  ],
  [
    { schedule: 'InverseTimeDecay', initial_learning_rate: 0.1, decay_steps: 4, decay_rate: 0.5 },
    { type: 'inverse_time_decay', initial_learning_rate: 0.1, decay_steps: 4, decay_rate: 0.5, staircase: false },
  ],
  [
    { schedule: 'PiecewiseConstantDecay', boundaries: [4, 8], values: [0.3, 0.2, 0.1] },
    { type: 'piecewise_constant_decay', boundaries: [4, 8], values: [0.3, 0.2, 0.1] },
  ],
  [
    { schedule: 'PolynomialDecay', initial_learning_rate: 0.1, decay_steps: 6, end_learning_rate: 0.01, power: 2 },
    { type: 'polynomial_decay', initial_learning_rate: 0.1, decay_steps: 6, end_learning_rate: 0.01, power: 2, cycle: false },
  ],
  [
    { schedule: 'PolynomialDecay', initial_learning_rate: 0.1, decay_steps: 6, cycle: true },
    { type: 'polynomial_decay', initial_learning_rate: 0.1, decay_steps: 6, end_learning_rate: 0.0001, power: 1, cycle: true },
  ],
];

async function compiled(asked: Record<string, unknown>): Promise<{ text: string; config: Record<string, unknown> }> {
  const [text] = await keras.run<string[]>('optimizer_state', { serialise: [asked] });
  return { text: text!, config: { compile_config: JSON.parse(text!) } };
}

interface Entry {
  config: Record<string, unknown>;
}

/** What Keras wrote of the optimizer's config, without Python's spaces and its zero in 1e-07. */
function optimizerConfigText(compileConfig: string): string {
  const [, config] = /"optimizer": \{.*?"config": (\{[^{}]*\})/.exec(compileConfig)!;
  return config!.replace(/([:,]) /g, '$1').replace('e-07', 'e-7');
}

const EVERY = {
  weight_decay: 0.03,
  clipvalue: 0.5,
  use_ema: true,
  ema_momentum: 0.9,
  ema_overwrite_frequency: 10,
  loss_scale_factor: 2.5,
  gradient_accumulation_steps: 3,
};
const OWN: Record<string, Record<string, unknown>> = {
  SGD: { learning_rate: 0.2, momentum: 0.75, nesterov: true },
  Adam: { learning_rate: 0.03, beta_1: 0.8, beta_2: 0.99, epsilon: 1e-3, amsgrad: true },
  AdamW: { learning_rate: 0.1 },
  RMSprop: { learning_rate: 0.005, rho: 0.8, momentum: 0.25, centered: true, epsilon: 1e-4 },
  Adagrad: { learning_rate: 0.7, initial_accumulator_value: 0.25 },
  Lion: { learning_rate: 0.0001, beta_1: 0.95 },
  Nadam: { learning_rate: 0.33333334 },
};

describe.each(Object.values(OPTIMIZER_CLASSES))('$className', ({ className, learningRate }) => {
  it('with Keras’ defaults is read with them, and written as Keras writes it', async () => {
    const { text, config } = await compiled({ optimizer: className, config: { learning_rate: learningRate } });
    const { settings, optimizer } = readCompile(config)!;
    expect(optimizer).toBe(className);
    expect(settings).toMatchObject({ unread: [], optimizer: { learning_rate: learningRate, learning_rate_schedule: null } });
    const { name, learning_rate, ...options } = (config.compile_config as { optimizer: Entry }).optimizer.config;
    expect(settings!.optimizer!.options).toEqual(options);
    const written = serialisedOptimizer(settings!.optimizer!);
    expect(written.config).toEqual({ ...options, learning_rate, name: expect.stringMatching(String(name).replace(/_\d+$/, '')) });
    // As text, so that a whole number that is a float in Python shows.
    const again = configText({ compile_config: { optimizer: { ...written, config: { ...written.config, name } } } });
    expect(again).toContain(`"config":${optimizerConfigText(text)}`);
  });

  it('with every option is read with all of them', async () => {
    const asked = { ...EVERY, ...OWN[className] };
    const { config } = await compiled({ optimizer: className, config: asked });
    const { settings } = readCompile(config)!;
    expect(settings!.unread).toEqual([]);
    const { learning_rate = 0.01, ...options } = asked as Record<string, unknown>;
    expect(settings!.optimizer!.learning_rate).toBe(learning_rate);
    expect(settings!.optimizer!.options).toMatchObject(options);
    const written = serialisedOptimizer(settings!.optimizer!).config;
    expect({ ...written, name: '' }).toEqual({ ...(config.compile_config as { optimizer: Entry }).optimizer.config, name: '' });
  });
});

describe('a schedule', () => {
  const steps = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 30];

  it.each(SCHEDULES)('%j is read, written and followed as Keras does', async (asked, schedule) => {
    const [{ config, rates }] = (await keras.run('optimizer_state', { rates: [{ schedule: asked, steps }] })) as [
      { config: string; rates: number[] },
    ];
    const entry = { class_name: 'SGD', config: { learning_rate: JSON.parse(config) } };
    const { settings } = readCompile({ compile_config: { optimizer: entry } })!;
    expect(settings).toMatchObject({ unread: [], optimizer: { learning_rate_schedule: schedule } });
    expect(settings!.optimizer!.learning_rate).toBe(schedule.type === 'piecewise_constant_decay' ? 0.3 : 0.1);
    expect(serialisedOptimizer(settings!.optimizer!).config.learning_rate).toEqual(JSON.parse(config));
    expectClose(
      steps.map((step) => scheduledRate(schedule, step)),
      rates,
      { relative: 1e-6 },
    );
  });

  it('that is not followed is named, and leaves its first rate', async () => {
    const schedule = { schedule: 'CosineDecayRestarts', initial_learning_rate: 0.3, first_decay_steps: 4 };
    const { config } = await compiled({ optimizer: 'Adam', config: { learning_rate: schedule } });
    expect(readCompile(config)!.settings).toMatchObject({
      optimizer: { type: 'adam', learning_rate: 0.3, learning_rate_schedule: null },
      unread: [
        { what: 'optimizer.learning_rate', value: expect.stringContaining('CosineDecayRestarts'), reason: expect.stringContaining('0.3') },
      ],
    });
  });
});

describe('a loss', () => {
  it.each(Object.entries(LOSSES))('%s is read from its function and from its class', async (type, { className, options }) => {
    const both = [
      { loss: type, options: {} },
      { loss: className, options: {} },
    ];
    for (const asked of both) {
      const { config } = await compiled(asked);
      const { settings } = readCompile(config)!;
      expect(settings).toMatchObject({ loss: { type, options: { ...options, reduction: 'sum_over_batch_size' } }, unread: [] });
    }
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['binary_crossentropy', 'BinaryCrossentropy', { from_logits: true, label_smoothing: 0.1 }],
    ['categorical_crossentropy', 'CategoricalCrossentropy', { from_logits: true, label_smoothing: 0.2, reduction: 'sum' }],
    ['sparse_categorical_crossentropy', 'SparseCategoricalCrossentropy', { from_logits: true, ignore_class: 2 }],
    ['binary_focal_crossentropy', 'BinaryFocalCrossentropy', { gamma: 3, alpha: 0.5, apply_class_balancing: true }],
    ['mean_squared_error', 'MeanSquaredError', { reduction: 'sum' }],
  ])('%s is read with its options and written as Keras writes it', async (type, loss, options) => {
    const { config } = await compiled({ loss, options });
    const { settings } = readCompile(config)!;
    expect(settings).toMatchObject({ loss: { type, options }, unread: [] });
    const entry = (config.compile_config as { loss: Entry & { class_name: string } }).loss;
    const written = serialisedLoss(settings!.loss!) as Entry;
    expect({ ...written, config: {} }).toEqual({ ...entry, config: {} });
    expect(written.config).toMatchObject(entry.config);
  });
});
