// Stock TensorFlow.js on its own backend, in a process of its own, since the engine's has another: one request of JSON on standard input, one answer.
//   {"make": true}: models saved by TensorFlow.js with what it predicts: {name: {model, weights, x, y}}
//   {"load": [{model, weights, x}]}: what TensorFlow.js predicts with model.json and its weights (base64): [[{shape, data}]]
// Loading has initializers run, of which Orthogonal warns on large kernels.
console.warn = () => {};
console.log = () => {};
const tf = require('@tensorflow/tfjs');

const listed = (tensors) => tensors.map((tensor) => ({ shape: tensor.shape, data: [...tensor.dataSync()] }));
const predict = (model, x) => {
  const given = x.map(({ shape, data }) => tf.tensor(data, shape));
  return listed([model.predict(given.length > 1 ? given : given[0])].flat());
};

function networks() {
  const L = tf.layers;
  const nested = () => {
    const input = tf.input({ shape: [6], name: 'given' });
    const inner = tf.sequential({
      name: 'inner',
      layers: [L.dense({ units: 5, inputShape: [6], name: 'a' }), L.batchNormalization({ name: 'b' }), L.dense({ units: 6, name: 'c' })],
    });
    return tf.model({ inputs: input, outputs: L.dense({ units: 2 }).apply(L.add().apply([inner.apply(input), input])) });
  };
  return {
    conv: tf.sequential({
      layers: [
        L.conv2d({ inputShape: [6, 6, 1], filters: 2, kernelSize: 3, activation: 'relu', name: 'c' }),
        L.batchNormalization(),
        L.depthwiseConv2d({ kernelSize: 2 }),
        L.flatten(),
        L.dense({ units: 3, activation: 'softmax' }),
      ],
    }),
    // Its recurrent layers have the hard sigmoid of Keras 2 by default.
    recurrent: tf.sequential({
      layers: [
        L.lstm({ inputShape: [5, 4], units: 3, returnSequences: true }),
        L.bidirectional({ layer: L.gru({ units: 3, returnSequences: true }), mergeMode: 'concat' }),
        L.timeDistributed({ layer: L.dense({ units: 2 }) }),
        L.leakyReLU({ alpha: 0.2 }),
      ],
    }),
    nested: nested(),
  };
}

async function make() {
  const answer = {};
  for (const [name, model] of Object.entries(networks())) {
    model.setWeights(model.getWeights().map((weight) => tf.randomUniform(weight.shape, 0.1, 1, 'float32', 3)));
    model.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    let saved;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      }),
    );
    const { weightSpecs, weightData, ...rest } = saved;
    const x = listed(model.inputs.map((input) => tf.randomUniform([3, ...input.shape.slice(1)], -1, 1, 'float32', 5)));
    const bytes = Buffer.from(Array.isArray(weightData) ? Buffer.concat(weightData.map((part) => Buffer.from(part))) : weightData);
    answer[name] = {
      model: { ...rest, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] },
      weights: bytes.toString('base64'),
      x,
      y: predict(model, x),
    };
  }
  return answer;
}

async function load({ model, weights, x }) {
  const bytes = Buffer.from(weights, 'base64');
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
  return predict(await tf.loadLayersModel(tf.io.fromMemory({ modelTopology: model.modelTopology, weightSpecs, weightData })), x);
}

let text = '';
process.stdin.setEncoding('utf8').on('data', (part) => {
  text += part;
});
process.stdin.on('end', async () => {
  const request = JSON.parse(text);
  await tf.setBackend('cpu');
  let answer;
  if (request.make) answer = await make();
  else {
    answer = [];
    for (const one of request.load) answer.push(await load(one));
  }
  process.stdout.write(JSON.stringify(answer));
});
