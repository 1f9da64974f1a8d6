"""Your own training script, with TRL's parser: see the call in examples/README.md.

What SCPO changes in such a script is two names: SCPOConfig for DPOConfig, SCPOTrainer for DPOTrainer.
"""

from datasets import load_dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import ModelConfig, ScriptArguments, TrlParser, get_peft_config

from scpo_trl import SCPOConfig, SCPOTrainer

if __name__ == "__main__":
    script, training, model_arguments = TrlParser((ScriptArguments, SCPOConfig, ModelConfig)).parse_args_and_config()  # type: ignore[arg-type]
    model_path = model_arguments.model_name_or_path
    dataset = load_dataset(script.dataset_name, name=script.dataset_config)
    trainer = SCPOTrainer(
        AutoModelForImageTextToText.from_pretrained(model_path, dtype=model_arguments.dtype),
        args=training,
        train_dataset=dataset[script.dataset_train_split],
        eval_dataset=dataset[script.dataset_test_split] if training.eval_strategy != "no" else None,
        processing_class=AutoProcessor.from_pretrained(model_path),
        peft_config=get_peft_config(model_arguments),
    )
    trainer.train()
    trainer.save_model(training.output_dir)
