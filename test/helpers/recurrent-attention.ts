/** The classes whose comparison with stock Keras is `test/engine/keras-recurrent-attention.test.ts`. */
export const RECURRENT_ATTENTION_CLASSES = [
  'AdditiveAttention',
  'Attention',
  'Bidirectional',
  'EinsumDense',
  'Embedding',
  'GRU',
  'GroupQueryAttention',
  'LSTM',
  'Masking',
  'MultiHeadAttention',
  'RNN',
  'SimpleRNN',
  'TimeDistributed',
];
