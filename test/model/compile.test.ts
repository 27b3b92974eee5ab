import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { readCompile, unhonoured } from '../../src/model/compile.ts';
import { serialisedLoss, serialisedOptimizer, withCompilation } from '../../src/model/compile-config.ts';
import { CompileFacts } from '../../src/model/compile-facts.ts';
import { configText } from '../../src/model/formats/config-text.ts';

function read(compile: unknown) {
  const facts = readCompile({ compile_config: compile });
  if (!facts) expect.fail('nothing was read');
  expect([...Value.Errors(CompileFacts, facts)]).toEqual([]);
  return facts as typeof facts & { settings: NonNullable<(typeof facts)['settings']> };
}

const adam = (config: Record<string, unknown>) => ({ module: 'keras.optimizers', class_name: 'Adam', config, registered_name: null });

describe('a compile_config', () => {
  it.each([[undefined], [null], [{}]])('that is %j says nothing', (compile) => {
    expect(readCompile({ compile_config: compile })).toBeNull();
  });

  it('of names alone has Keras’ defaults', () => {
    expect(read({ optimizer: 'sgd', loss: 'MSE', metrics: null })).toEqual({
      optimizer: 'sgd',
      loss: 'MSE',
      settings: {
        optimizer: {
          type: 'sgd',
          learning_rate: 0.01,
          learning_rate_schedule: null,
          options: {
            weight_decay: null,
            clipnorm: null,
            global_clipnorm: null,
            clipvalue: null,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: null,
            loss_scale_factor: null,
            gradient_accumulation_steps: null,
            momentum: 0,
            nesterov: false,
          },
        },
        loss: { type: 'mean_squared_error', options: { reduction: 'sum_over_batch_size' } },
        metrics: [],
        unread: [],
      },
    });
  });

  it.each([
    ['a list of one', ['mae']],
    ['the only output', { out: 'mae' }],
    ['a function', { module: 'builtins', class_name: 'function', config: 'mean_absolute_error', registered_name: 'function' }],
    ['a function in a list', [{ module: 'builtins', class_name: 'function', config: 'mean_absolute_error', registered_name: 'function' }]],
  ])('has the loss of %s', (_what, loss) => {
    expect(read({ loss }).settings).toMatchObject({ loss: { type: 'mean_absolute_error' }, unread: [] });
  });

  it.each<[string, unknown]>([
    ['two outputs', { a: 'mse', b: 'mae' }],
    [
      'a class of the model’s own',
      { module: 'mine', class_name: 'MeanSquaredError', config: {}, registered_name: 'mine>MeanSquaredError' },
    ],
    ['a function of the model’s own', { module: 'mine', class_name: 'function', config: 'mse', registered_name: 'function' }],
    ['an unknown name', 'constructor'],
    ['a number', 7],
  ])('has no loss where it is that of %s, and says so', (_what, loss) => {
    expect(read({ loss }).settings).toMatchObject({ loss: null, unread: [{ what: 'loss' }] });
  });

  it.each<[string, unknown, string]>([
    ['an unknown class', { class_name: 'Muon', config: {} }, '"Muon"'],
    ['a class of the model’s own', { ...adam({}), registered_name: 'mine>Adam' }, '"Adam"'],
    ['no name', { config: {} }, '{"config":{}}'],
    ['the name of a JavaScript property', 'toString', '"toString"'],
  ])('has no optimizer where it is %s, and says so', (_what, optimizer, value) => {
    expect(read({ optimizer }).settings).toMatchObject({ optimizer: null, unread: [{ what: 'optimizer', value }] });
  });

  it('names options of another type, and uses the defaults', () => {
    const { settings } = read({
      optimizer: adam({ beta_1: 'x', amsgrad: 1, clipnorm: true, epsilon: 0.5 }),
      loss: { class_name: 'Huber', config: { delta: [] } },
    });
    expect(settings.optimizer!.options).toMatchObject({ beta_1: 0.9, amsgrad: false, clipnorm: null, epsilon: 0.5 });
    expect(settings.unread.map(({ what, value }) => [what, value])).toEqual([
      ['optimizer.clipnorm', 'true'],
      ['optimizer.beta_1', '"x"'],
      ['optimizer.amsgrad', '1'],
      ['loss.delta', '[]'],
    ]);
  });

  it.each<[string, unknown]>([
    ['a schedule of the model’s own', { class_name: 'Mine', config: {} }],
    ['a function', { class_name: 'function', config: 'rate' }],
    ['a schedule without its steps', { class_name: 'CosineDecay', config: { initial_learning_rate: 0.001 } }],
    ['a value too few', { class_name: 'PiecewiseConstantDecay', config: { boundaries: [1, 2], values: [1, 2] } }],
    ['text', 'fast'],
  ])('whose learning rate is %s keeps a rate, and says so', (_what, rate) => {
    expect(read({ optimizer: adam({ learning_rate: rate }) }).settings).toMatchObject({
      optimizer: { learning_rate: 0.001, learning_rate_schedule: null },
      unread: [{ what: 'optimizer.learning_rate' }],
    });
  });

  it.each([
    [0.0010000000474974513, 0.001],
    [0.009999999776482582, 0.01],
    [0.3333333432674408, 0.33333334],
    [0.1, 0.1],
    [1, 1],
    [123456.7890625, 123456.79],
  ])('gives the rate %d, a float32 or not, as %d', (rate, shown) => {
    expect(read({ optimizer: adam({ learning_rate: rate }) }).settings.optimizer!.learning_rate).toBe(shown);
    expect(Math.fround(shown)).toBe(Math.fround(rate));
  });

  it('names metrics in order, wherever they stand', () => {
    const auc = { module: 'keras.metrics', class_name: 'AUC', config: { name: 'area' }, registered_name: null };
    const fn = { module: 'builtins', class_name: 'function', config: 'categorical_accuracy', registered_name: 'function' };
    expect(read({ metrics: ['accuracy', auc, fn] }).settings.metrics).toEqual(['accuracy', 'area', 'categorical_accuracy']);
    expect(read({ metrics: { out: ['mae'], other: auc } }).settings.metrics).toEqual(['mae', 'area']);
    expect(read({ metrics: [['mae', { class_name: 'MeanSquaredError', config: {} }]] }).settings.metrics).toEqual([
      'mae',
      'mean_squared_error',
    ]);
  });

  it('names weights of losses and of metrics', () => {
    const { unread } = read({ loss_weights: [2], weighted_metrics: ['mae'] }).settings;
    expect(unread.map(({ what, value }) => [what, value])).toEqual([
      ['loss_weights', '[2]'],
      ['weighted_metrics', '["mae"]'],
    ]);
  });
});

describe('options in force', () => {
  const options = (config: Record<string, unknown>, honoured: string[], type = 'Adam') =>
    unhonoured(read({ optimizer: { class_name: type, config } }).settings.optimizer!, honoured);

  it('are those that do something and are not honoured', () => {
    expect(options({}, ['beta_1', 'beta_2', 'epsilon'])).toEqual([]);
    expect(options({ epsilon: 1 }, ['beta_1', 'beta_2'])).toEqual([{ option: 'epsilon', value: 1 }]);
    expect(options({ amsgrad: true, clipnorm: 1, weight_decay: 0, loss_scale_factor: 8 }, ['beta_1', 'beta_2', 'epsilon'])).toEqual([
      { option: 'clipnorm', value: 1 },
      { option: 'amsgrad', value: true },
    ]);
    expect(options({ ema_momentum: 0.5, ema_overwrite_frequency: 2 }, ['beta_1', 'beta_2', 'epsilon'])).toEqual([]);
    expect(options({ use_ema: true, ema_momentum: 0.5 }, ['beta_1', 'beta_2', 'epsilon', 'use_ema'])).toEqual([
      { option: 'ema_momentum', value: 0.5 },
    ]);
    expect(options({ nesterov: true }, [], 'SGD')).toEqual([]);
    expect(options({ nesterov: true, momentum: 0.5 }, ['momentum'], 'SGD')).toEqual([{ option: 'nesterov', value: true }]);
  });

  it('of a loss leave out its name and its defaults', () => {
    const loss = (config: Record<string, unknown>, type = 'CategoricalCrossentropy') =>
      unhonoured(read({ loss: { class_name: type, config } }).settings.loss!, ['from_logits']);
    expect(loss({ name: 'x', reduction: 'mean', from_logits: true })).toEqual([]);
    expect(loss({ label_smoothing: 0.1, axis: 1, reduction: 'sum' })).toEqual([
      { option: 'label_smoothing', value: 0.1 },
      { option: 'axis', value: 1 },
      { option: 'reduction', value: 'sum' },
    ]);
    expect(loss({ delta: 2 }, 'Huber')).toEqual([{ option: 'delta', value: 2 }]);
  });
});

describe('a written compile_config', () => {
  const sgd = serialisedOptimizer({ type: 'sgd', learning_rate: 1, options: { momentum: 0.5 } });
  const mse = { type: 'mean_squared_error', options: {} };

  it('is as Keras’ own where there was none', () => {
    const written = withCompilation({ class_name: 'Sequential', compile_config: null }, { optimizer: sgd, loss: mse, metrics: ['mae'] });
    expect(written).toEqual({
      class_name: 'Sequential',
      compile_config: {
        optimizer: {
          module: 'keras.optimizers',
          class_name: 'SGD',
          config: {
            name: 'sgd',
            learning_rate: 1,
            weight_decay: null,
            clipnorm: null,
            global_clipnorm: null,
            clipvalue: null,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: null,
            loss_scale_factor: null,
            gradient_accumulation_steps: null,
            momentum: 0.5,
            nesterov: false,
          },
          registered_name: null,
        },
        loss: 'mean_squared_error',
        loss_weights: null,
        metrics: ['mae'],
        weighted_metrics: null,
        run_eagerly: false,
        steps_per_execution: 1,
        jit_compile: false,
      },
    });
  });

  it('keeps what it does not replace, the spelling of the loss and unknown fields with it', () => {
    const present = { optimizer: { class_name: 'SGD', config: {}, ours: 1 }, loss: ['MSE'], metrics: ['x'], jit_compile: true, later: 2 };
    const config = { compile_config: present };
    const written = withCompilation(config, { optimizer: sgd, loss: mse, metrics: [] });
    expect(written.compile_config).toEqual({ ...present, optimizer: { class_name: 'SGD', config: sgd.config, ours: 1 } });
    expect(config.compile_config).toBe(present);
    const own = { ...present, optimizer: { module: 'mine', class_name: 'SGD', registered_name: 'mine>SGD', config: {} } };
    expect(withCompilation({ compile_config: own }, { optimizer: sgd, loss: mse, metrics: [] }).compile_config).toMatchObject({
      optimizer: { module: 'keras.optimizers', registered_name: null },
    });
    expect(withCompilation(config, { optimizer: sgd, loss: { type: 'huber', options: {} }, metrics: [] }).compile_config).toMatchObject({
      loss: 'huber',
      metrics: ['x'],
    });
    expect(
      withCompilation(config, { optimizer: sgd, loss: { ...mse, options: { reduction: 'sum' } }, metrics: [] }).compile_config,
    ).toMatchObject({
      loss: { class_name: 'MeanSquaredError', config: { reduction: 'sum' } },
    });
  });

  it('has no optimizer, option or loss that Keras does not have', () => {
    expect(() => serialisedOptimizer({ type: 'sgd', learning_rate: 1, options: { beta_1: 0.5 } })).toThrow(/SGD has no beta_1/);
    expect(() => serialisedOptimizer({ type: 'ours', learning_rate: 1 })).toThrow(/no optimizer ours/);
    expect(() => serialisedLoss({ type: 'ours', options: {} })).toThrow(/no loss ours/);
  });

  it('has a decimal point where Python needs a float, and none elsewhere', () => {
    const schedule = { class_name: 'PiecewiseConstantDecay', config: { boundaries: [1, 2], values: [3, 0.5, -0] } };
    const optimizer = {
      class_name: 'SGD',
      config: { learning_rate: schedule, momentum: 0, clipvalue: 1e21, gradient_accumulation_steps: 2, name: '1' },
    };
    const config = { learning_rate: 1, compile_config: { optimizer, loss: { config: { alpha: 1 } } } };
    const text = configText(config);
    expect(text).toContain('"boundaries":[1,2],"values":[3.0,0.5,0.0]');
    expect(text).toContain('"momentum":0.0,"clipvalue":1e+21,"gradient_accumulation_steps":2,"name":"1"');
    expect(text).toContain('{"learning_rate":1,');
    expect(text).toContain('"alpha":1}');
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(config)));
    expect(configText({ a: 1 })).toBe('{"a":1}');
    expect(configText({ compile_config: null })).toBe('{"compile_config":null}');
  });
});
