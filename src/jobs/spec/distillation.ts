import Type, { type Static } from 'typebox';
import { defaulted, nullable, strictObject } from '../../schema.ts';
import { ModelId } from './model-id.ts';

const Name = Type.String({ minLength: 1, maxLength: 512 });

export const Distillation = strictObject(
  {
    teacher_model_id: defaulted(
      nullable({
        ...ModelId,
        description:
          'The teacher: a model whose input and output have the shapes of those of the model that is trained, and whose bytes stay until the job has ended, also when it is deleted. null: the uploaded model, in prune jobs.',
      }),
      null,
    ),
    temperature: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), 4),
    weight: defaulted(
      Type.Number({ minimum: 0, maximum: 1, description: "Of the teacher's part of the loss; the labels' has the rest of 1." }),
      0.9,
    ),
    features: defaulted(
      Type.Array(
        strictObject({
          teacher_layer: Name,
          student_layer: Name,
          weight: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1e6 }), 1),
        }),
        {
          maxItems: 64,
          description:
            "Layers whose outputs are to agree: weight times their mean squared difference is added to the loss. Their shapes must be the same, so the student's channels may not be cut there.",
        },
      ),
      [],
    ),
  },
  {
    description:
      'A model, frozen and in inference mode, teaches the one that is trained, on the same augmented batch (Hinton 2015). Under cross-entropies: (1 - weight)·loss + weight·T²·KL(teacher ‖ student), both at the temperature T; under other losses the mean squared difference of the outputs in place of T²·KL.',
  },
);
export type Distillation = Static<typeof Distillation>;
