/**
 * The fraction of decisions that are right: of samples with one class each, with Wilson's interval; where a sample has several positions or labels the mean of
 * their fractions (Keras' accuracy and binary_accuracy), with a normal interval over samples.
 */
import { fractionMeter } from './fraction-meter.ts';
import { type Metric, NOT_A_NUMBER, needsDecisions } from './metric.ts';
import { fractionRight } from './sample.ts';

export const accuracy: Metric = {
  fault: needsDecisions,
  undefinedWhere: NOT_A_NUMBER,
  meter: (_task, samples) => fractionMeter(samples, fractionRight),
};
