"""What an exported model takes, by its manifest. Only the standard library."""


def input_names(manifest):
    """The names of the inputs of model.onnx and saved_model.pb that stand for a column: of numeric ones (where each is an input), of words."""
    taken = {"numeric", "probabilities", "class", "labels", "prediction"}
    names = {"number": [], "string": []}
    for column in manifest["columns"]:
        names[column["type"]].append(column["name"] + ("_column" if column["name"] in taken else ""))
    return names["number"] if manifest["inputs"] == "columns" else [], names["string"]


def output_names(manifest):
    """The names of the outputs of model.onnx and saved_model.pb, in their order."""
    return {"one_class": ["probabilities", "class"], "labels": ["probabilities", "labels"], "values": ["prediction"], "tokens": ["logits"]}[manifest["head"]["form"]]
