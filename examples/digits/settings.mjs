import { dense, dropout, sgd } from "wasmgrad";

/**
 * The settings of `npm start`, chosen by cross-validation on the training rows alone: `npm run bench:digits`
 * prints the candidates and their figures.
 */
export const settings = {
  layers: [dense(256, "relu"), dropout(0.5), dense(10, "softmax")],
  optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
  epochs: 50,
  batchSize: 32,
};
