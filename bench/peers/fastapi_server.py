"""A model behind FastAPI as such servers are usually written: TorchScript, pydantic's request, uvicorn with uvloop and httptools, one worker.
usage: fastapi_server.py FOLDER PORT   (a version's folder: manifest.json, model.pt)"""

import json
import sys
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

folder = Path(sys.argv[1])
manifest = json.loads((folder / "manifest.json").read_text())
names, labels = [one["name"] for one in manifest["columns"]], manifest["labels"]
torch.set_num_threads(1)
model = torch.jit.load(folder / "model.pt")
app = FastAPI()


class Request(BaseModel):
    instances: list[dict[str, float]]


@app.post("/predict")
async def predict(request: Request):
    rows = torch.tensor([[row[name] for name in names] for row in request.instances])
    with torch.inference_mode():
        probabilities, classes = model(rows)
    return {"predictions": [{"class": k, "label": labels[k], "probabilities": p} for k, p in zip(classes.tolist(), probabilities.tolist(), strict=True)]}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="error", access_log=False)
