import { describe, expect, it } from 'vitest';
import {
  type MeasuredOutputs,
  metricFault,
  metricsFor,
  monitorFault,
  resolveMetrics,
  undefinedMetrics,
} from '../../../src/report/metrics/index.ts';

const given = (facts: Partial<MeasuredOutputs>): MeasuredOutputs => ({
  loss: 'sparse_categorical_crossentropy',
  outputs: [10],
  classes: 10,
  top_k: 5,
  samples: 1000,
  ...facts,
});
const CLASSES = ['accuracy', 'top_k_accuracy', 'auc', 'f1'];
const NUMBERS = ['mean_absolute_error', 'root_mean_squared_error', 'r2'];

describe('what can be measured', () => {
  it.each<[string, Partial<MeasuredOutputs>, string[], string[]]>([
    ['of classes', {}, CLASSES, ['accuracy']],
    ['of fewer classes than k', { outputs: [3], classes: 3 }, ['accuracy', 'auc', 'f1'], ['accuracy']],
    ['of one output for two classes', { loss: 'binary_crossentropy', outputs: [1], classes: 2 }, ['accuracy', 'auc', 'f1'], ['accuracy']],
    ['of labels', { loss: 'binary_crossentropy', outputs: [7], classes: null }, ['accuracy', 'auc', 'f1'], ['accuracy']],
    ['of numbers', { loss: 'mean_squared_error', outputs: [2], classes: null }, NUMBERS, NUMBERS],
    ['of numbers that happen to be whole', { loss: 'huber', outputs: [1], classes: 12 }, NUMBERS, NUMBERS],
    ['of classes under a loss of numbers', { loss: 'kl_divergence' }, [...CLASSES, ...NUMBERS], ['accuracy']],
    [
      'of two classes under a loss of numbers',
      { loss: 'mean_squared_error', outputs: [1], classes: 2 },
      ['accuracy', 'auc', 'f1', ...NUMBERS],
      ['accuracy'],
    ],
    ['of free axes', { loss: 'mean_absolute_error', outputs: [null], classes: null }, NUMBERS, NUMBERS],
  ])('%s', (_what, facts, possible, usual) => {
    expect(metricsFor(given(facts))).toEqual(possible);
    expect(resolveMetrics('auto', given(facts))).toEqual(usual);
  });

  it('is what is asked for', () => expect(resolveMetrics(['f1', 'auc'], given({}))).toEqual(['f1', 'auc']));

  it('leaves out of auto what would have to keep too many outputs', () => {
    const facts = given({ loss: 'mean_squared_error', outputs: [256, 256, 3], classes: null });
    expect(resolveMetrics('auto', facts)).toEqual(['mean_absolute_error', 'root_mean_squared_error']);
    expect(metricFault('r2', facts)).toBe('r2 keeps every output of the split, 67108864 at most; here they are 196608000.');
  });

  it.each<[string, RegExp, Partial<MeasuredOutputs>]>([
    [
      'auc',
      /^auc needs classes; mean_squared_error with one output and numbers as targets has no decisions to score\.$/,
      { loss: 'mean_squared_error', outputs: [1], classes: null },
    ],
    ['f1', /3 outputs and 12 classes/, { loss: 'huber', outputs: [3], classes: 12 }],
    ['r2', /^r2 is of errors in numbers; sparse_categorical_crossentropy scores classes\.$/, {}],
    ['top_k_accuracy', /^top_k_accuracy asks for the best 5 of 3 classes; top_k must not exceed that\.$/, { outputs: [3], classes: 3 }],
    ['top_k_accuracy', /binary_crossentropy decides each output by itself/, { loss: 'binary_crossentropy', outputs: [7] }],
  ])('says why %s cannot be: %s', (name, reason, facts) => expect(metricFault(name as 'auc', given(facts))).toMatch(reason));

  it('says why what is monitored is not there', () => {
    expect(monitorFault('val_auc', ['accuracy'], 10)).toBe('val_auc is not measured: metrics has accuracy.');
    expect(monitorFault('val_auc', [], 10)).toBe('val_auc is not measured: metrics has none.');
    expect(monitorFault('val_loss', [], 0)).toMatch(/the data set does not have; loss is measured without one/);
    expect([monitorFault('loss', [], 0), monitorFault('val_loss', [], 10), monitorFault('val_f1', ['f1'], 1)]).toEqual([null, null, null]);
  });

  it('says what leaves a metric without a value', () => {
    expect(undefinedMetrics({ accuracy: { value: 1, low: 0, high: 1 }, auc: null })).toEqual([
      'auc. It takes samples of both kinds, and outputs that are finite numbers.',
    ]);
  });
});
