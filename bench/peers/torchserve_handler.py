"""What TorchServe's worker does with a request: the same work as fastapi_server.py. Requests that TorchServe hands over together are answered by
one run of the model."""

import json
from pathlib import Path

import torch


class Handler:
    def initialize(self, context):
        folder = Path(context.system_properties["model_dir"])
        manifest = json.loads((folder / "manifest.json").read_text())
        self.names, self.labels = [one["name"] for one in manifest["columns"]], manifest["labels"]
        torch.set_num_threads(1)
        self.model = torch.jit.load(folder / "model.pt")

    def handle(self, data, context):
        requests = [one["body"]["instances"] for one in data]
        rows = torch.tensor([[row[name] for name in self.names] for instances in requests for row in instances])
        with torch.inference_mode():
            probabilities, classes = self.model(rows)
        answers = ({"class": k, "label": self.labels[k], "probabilities": p} for k, p in zip(classes.tolist(), probabilities.tolist(), strict=True))
        for i in range(len(data)):
            context.set_response_content_type(i, "application/json")
        # As text: objects would be written with an indent by TorchServe, by json's slow encoder.
        return [json.dumps({"predictions": [next(answers) for _ in instances]}) for instances in requests]
