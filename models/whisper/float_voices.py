"""Gives Kokoro's convolutions back their floats.

    float_voices.py kokoro.onnx OUT.onnx

The packaged model holds its convolutions in 8 bits, and ONNX Runtime's integer convolution takes nine
tenths of the time. The same weights as floats speak several times as fast.
"""

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper


def main():
    model = onnx.load(sys.argv[1])
    graph = model.graph
    values = {i.name: i for i in graph.initializer}
    constant = lambda name: numpy_helper.to_array(values[name])
    made = {output: node for node in graph.node for output in node.output}
    used = {}
    for node in graph.node:
        for name in node.input:
            used.setdefault(name, []).append(node)
    changed = 0
    for conv in [node for node in graph.node if node.op_type == "ConvInteger"]:
        quantised, weight, _, zero = conv.input
        source = made[quantised]
        (after,) = used[conv.output[0]]
        old, bias = [conv], []
        if after.op_type == "Add":
            # The bias was rounded to the product's scale: Reshape(Cast(Floor(Div(bias, scale)))).
            node = made[next(name for name in after.input if name != conv.output[0])]
            while node.op_type != "Div":
                node = made[node.input[0]]
            bias = [node.input[0]]
            old.append(after)
            (after,) = used[after.output[0]]
        (scaled,) = used[after.output[0]]
        old += [after, scaled]
        # The result is multiplied by the product of the input's scale and the weights'.
        (factor_name,) = [name for name in scaled.input if name != after.output[0]]
        (scale_name,) = [name for name in made[factor_name].input if name in values]
        floats = (constant(weight).astype(np.float32) - constant(zero).astype(np.float32)) * constant(scale_name)
        name = weight + "_float"
        graph.initializer.append(numpy_helper.from_array(floats.astype(np.float32), name))
        node = helper.make_node("Conv", [source.input[0], name, *bias], [scaled.output[0]], conv.name + "_float")
        node.attribute.extend(conv.attribute)
        graph.node.insert(list(graph.node).index(scaled), node)
        for node in old:
            graph.node.remove(node)
        changed += 1
    # What nobody reads any more.
    while True:
        read = {name for node in graph.node for name in node.input} | {o.name for o in graph.output}
        idle = [node for node in graph.node if not any(output in read for output in node.output)]
        if not idle:
            break
        for node in idle:
            graph.node.remove(node)
    read = {name for node in graph.node for name in node.input}
    for initializer in [i for i in graph.initializer if i.name not in read]:
        graph.initializer.remove(initializer)
    onnx.save(model, sys.argv[2])
    print(f"{changed} convolutions")


main()
