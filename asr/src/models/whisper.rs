//! From CTranslate2's tensors to OpenAI's names, and an adapter laid over them.

use std::collections::HashMap;
use std::path::Path;

use super::ct2::{Tensor, Weights};
use super::ggml::Sizes;

/// A low-rank adapter: for a matrix W, `NAME.lora_a` (rank × in) and `NAME.lora_b` (out × rank)
/// with every scale already in B, so that W + B·A is meant; `NAME.delta` is added as it is.
#[derive(Debug)]
pub struct Adapter {
    tensors: HashMap<String, Tensor>,
}

impl Adapter {
    /// Reads a safetensors file.
    ///
    /// # Errors
    /// A sentence about the file.
    pub fn read(path: &Path) -> Result<Adapter, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let file =
            safetensors::SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
        let mut tensors = HashMap::new();
        for (name, view) in file.tensors() {
            let data = match view.dtype() {
                safetensors::Dtype::F16 => view
                    .data()
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|b| half::f16::from_le_bytes(*b).to_f32())
                    .collect(),
                safetensors::Dtype::F32 => {
                    view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
                }
                other => {
                    return Err(format!("tensor {name:?} is of type {other:?}, not f16 or f32"));
                }
            };
            tensors.insert(name, Tensor { shape: view.shape().to_vec(), data });
        }
        Ok(Adapter { tensors })
    }

    /// Lays the adapter over one tensor.
    fn lay_over(&self, name: &str, tensor: &mut Tensor) -> Result<(), String> {
        if let Some(delta) = self.tensors.get(&format!("{name}.delta")) {
            if delta.data.len() != tensor.data.len() {
                return Err(format!(
                    "{name}.delta has the shape {:?}, not {:?}",
                    delta.shape, tensor.shape
                ));
            }
            tensor.data.iter_mut().zip(&delta.data).for_each(|(value, change)| *value += change);
        }
        let low_rank = (
            self.tensors.get(&format!("{name}.lora_a")),
            self.tensors.get(&format!("{name}.lora_b")),
        );
        let (Some(a), Some(b)) = low_rank else { return Ok(()) };
        let ([rank, columns], [rows, rank_b]) = (&a.shape[..], &b.shape[..]) else {
            return Err(format!("{name}: adapter matrices must have two dimensions"));
        };
        if rank != rank_b || tensor.shape[..] != [*rows, *columns] {
            return Err(format!(
                "{name}: adapter of {:?} × {:?} on {:?}",
                b.shape, a.shape, tensor.shape
            ));
        }
        for (row, weights) in tensor.data.chunks_exact_mut(*columns).enumerate() {
            for k in 0..*rank {
                let factor = b.data[row * rank + k];
                let base = &a.data[k * columns..(k + 1) * columns];
                weights.iter_mut().zip(base).for_each(|(weight, value)| *weight += factor * value);
            }
        }
        Ok(())
    }
}

/// Sizes of a model, read off its tensors.
pub fn sizes(weights: &Weights) -> Result<Sizes, String> {
    let shape = |name: &str| weights.get(name).map(|tensor| tensor.shape);
    let [vocabulary, width] = shape("decoder/embeddings/weight")?[..] else {
        return Err("the token embedding is not a matrix".into());
    };
    let context = |name: &str| shape(name).map(|s| s.first().copied().unwrap_or(0) as i32);
    let mels = shape("encoder/conv1/weight")?.get(1).copied().unwrap_or(0);
    Ok(Sizes {
        vocabulary: vocabulary as i32,
        audio_context: context("encoder/position_encodings/encodings")?,
        width: width as i32,
        encoder_layers: weights.layers("encoder") as i32,
        text_context: context("decoder/position_encodings/encodings")?,
        decoder_layers: weights.layers("decoder") as i32,
        mels: mels as i32,
    })
}

/// Hands every tensor to `each` under OpenAI's name, with the adapter laid over it.
///
/// # Errors
/// A tensor that is missing or of the wrong shape, or whatever `each` gives.
pub fn tensors(
    weights: &Weights,
    adapter: Option<&Adapter>,
    mut each: impl FnMut(&str, &Tensor) -> Result<(), String>,
) -> Result<(), String> {
    let mut emit = |name: &str, mut tensor: Tensor| {
        if let Some(adapter) = adapter {
            adapter.lay_over(name, &mut tensor)?;
        }
        each(name, &tensor)
    };
    for (ours, theirs) in WHOLE {
        emit(ours, weights.get(theirs)?)?;
    }
    for side in ["encoder", "decoder"] {
        for layer in 0..weights.layers(side) {
            let (ours, theirs) =
                (format!("{side}.blocks.{layer}."), format!("{side}/layer_{layer}/"));
            for (a, b) in LAYER {
                emit(&format!("{ours}{a}"), weights.get(&format!("{theirs}{b}"))?)?;
            }
            fused(
                weights,
                &theirs,
                &format!("{ours}attn"),
                "self_attention",
                &["query", "key", "value"],
                0,
                &mut emit,
            )?;
            if side == "decoder" {
                for (a, b) in CROSS {
                    emit(&format!("{ours}{a}"), weights.get(&format!("{theirs}{b}"))?)?;
                }
                fused(
                    weights,
                    &theirs,
                    &format!("{ours}cross_attn"),
                    "attention",
                    &["key", "value"],
                    1,
                    &mut emit,
                )?;
            }
        }
    }
    Ok(())
}

/// Splits a fused projection into its parts. Whisper's keys have no bias, and CTranslate2
/// fills that part of the fused bias with zeros.
fn fused(
    weights: &Weights,
    theirs: &str,
    ours: &str,
    block: &str,
    parts: &[&str],
    linear: usize,
    emit: &mut impl FnMut(&str, Tensor) -> Result<(), String>,
) -> Result<(), String> {
    let matrix = weights.get(&format!("{theirs}{block}/linear_{linear}/weight"))?;
    let bias = weights.get(&format!("{theirs}{block}/linear_{linear}/bias"))?;
    let [rows, columns] = matrix.shape[..] else {
        return Err(format!("{theirs}{block}: a fused projection that is not a matrix"));
    };
    if rows != columns * parts.len() || bias.data.len() != rows {
        return Err(format!(
            "{theirs}{block}: {rows} × {columns} does not split into {} parts",
            parts.len()
        ));
    }
    for (index, part) in parts.iter().enumerate() {
        let rows = index * columns..(index + 1) * columns;
        let data = matrix.data[rows.start * columns..rows.end * columns].to_vec();
        emit(&format!("{ours}.{part}.weight"), Tensor { shape: vec![columns, columns], data })?;
        if *part != "key" {
            emit(
                &format!("{ours}.{part}.bias"),
                Tensor { shape: vec![columns], data: bias.data[rows].to_vec() },
            )?;
        }
    }
    Ok(())
}

const WHOLE: [(&str, &str); 11] = [
    ("encoder.positional_embedding", "encoder/position_encodings/encodings"),
    ("encoder.conv1.weight", "encoder/conv1/weight"),
    ("encoder.conv1.bias", "encoder/conv1/bias"),
    ("encoder.conv2.weight", "encoder/conv2/weight"),
    ("encoder.conv2.bias", "encoder/conv2/bias"),
    ("encoder.ln_post.weight", "encoder/layer_norm/gamma"),
    ("encoder.ln_post.bias", "encoder/layer_norm/beta"),
    ("decoder.positional_embedding", "decoder/position_encodings/encodings"),
    ("decoder.token_embedding.weight", "decoder/embeddings/weight"),
    ("decoder.ln.weight", "decoder/layer_norm/gamma"),
    ("decoder.ln.bias", "decoder/layer_norm/beta"),
];

const LAYER: [(&str, &str); 10] = [
    ("attn.out.weight", "self_attention/linear_1/weight"),
    ("attn.out.bias", "self_attention/linear_1/bias"),
    ("attn_ln.weight", "self_attention/layer_norm/gamma"),
    ("attn_ln.bias", "self_attention/layer_norm/beta"),
    ("mlp.0.weight", "ffn/linear_0/weight"),
    ("mlp.0.bias", "ffn/linear_0/bias"),
    ("mlp.2.weight", "ffn/linear_1/weight"),
    ("mlp.2.bias", "ffn/linear_1/bias"),
    ("mlp_ln.weight", "ffn/layer_norm/gamma"),
    ("mlp_ln.bias", "ffn/layer_norm/beta"),
];

const CROSS: [(&str, &str); 6] = [
    ("cross_attn.query.weight", "attention/linear_0/weight"),
    ("cross_attn.query.bias", "attention/linear_0/bias"),
    ("cross_attn.out.weight", "attention/linear_2/weight"),
    ("cross_attn.out.bias", "attention/linear_2/bias"),
    ("cross_attn_ln.weight", "attention/layer_norm/gamma"),
    ("cross_attn_ln.bias", "attention/layer_norm/beta"),
];
