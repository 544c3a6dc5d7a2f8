//! Writing whisper.cpp's GGML file.
//!
//! Layout: magic; eleven i32; mel filters (rows, columns, f32); vocabulary (count, then length
//! and bytes); tensors (rank, name length, type, sizes reversed, name, data). One-dimensional
//! tensors, positional embeddings and convolution biases (n × 1) are f32, convolutions f16, all
//! other matrices f16 or quantised by rows of 32.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use half::f16;

use super::ct2::Tensor;

/// How matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// 16 bits a weight.
    F16,
    /// 8.5 bits a weight.
    Q8_0,
    /// 6 bits a weight.
    Q5_1,
}

impl Format {
    /// The number in the file's header (`ftype`).
    fn file_type(self) -> i32 {
        match self {
            Format::F16 => 1,
            Format::Q8_0 => 7,
            Format::Q5_1 => 9,
        }
    }

    /// The number in front of a matrix (`ggml_type`).
    fn tensor_type(self) -> i32 {
        match self {
            Format::F16 => 1,
            Format::Q8_0 => 8,
            Format::Q5_1 => 7,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::F16 => "f16",
            Format::Q8_0 => "q8_0",
            Format::Q5_1 => "q5_1",
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "f16" => Ok(Format::F16),
            "q8_0" => Ok(Format::Q8_0),
            "q5_1" => Ok(Format::Q5_1),
            other => Err(format!("unknown format {other:?}; one of f16, q8_0, q5_1")),
        }
    }
}

/// Sizes of a Whisper model, in the order of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Tokens, special ones included.
    pub vocabulary: i32,
    /// Positions of the encoder.
    pub audio_context: i32,
    /// Width of both sides.
    pub width: i32,
    /// Layers of the encoder.
    pub encoder_layers: i32,
    /// Positions of the decoder.
    pub text_context: i32,
    /// Layers of the decoder.
    pub decoder_layers: i32,
    /// Mel bands.
    pub mels: i32,
}

/// Width of an attention head in every Whisper model.
const HEAD: i32 = 64;
const MAGIC: u32 = 0x6767_6d6c;
const BLOCK: usize = 32;

/// Writes everything before the tensors.
///
/// # Errors
/// Whatever the writer gives.
pub fn write_header(
    out: &mut impl Write,
    sizes: Sizes,
    format: Format,
    vocabulary: &[Vec<u8>],
) -> io::Result<()> {
    let heads = sizes.width / HEAD;
    out.write_all(&MAGIC.to_le_bytes())?;
    let header = [
        sizes.vocabulary,
        sizes.audio_context,
        sizes.width,
        heads,
        sizes.encoder_layers,
        sizes.text_context,
        sizes.width,
        heads,
        sizes.decoder_layers,
        sizes.mels,
        format.file_type(),
    ];
    header.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))?;

    let filters = mel_filters(sizes.mels as usize);
    out.write_all(&sizes.mels.to_le_bytes())?;
    out.write_all(&(BINS as i32).to_le_bytes())?;
    filters.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))?;

    out.write_all(&(vocabulary.len() as i32).to_le_bytes())?;
    for token in vocabulary {
        out.write_all(&(token.len() as i32).to_le_bytes())?;
        out.write_all(token)?;
    }
    Ok(())
}

/// Writes one tensor under OpenAI's name for it.
///
/// # Errors
/// Whatever the writer gives.
pub fn write_tensor(
    out: &mut impl Write,
    name: &str,
    tensor: &Tensor,
    format: Format,
) -> io::Result<()> {
    let conv_bias = matches!(name, "encoder.conv1.bias" | "encoder.conv2.bias");
    let mut shape: Vec<usize> = tensor.shape.clone();
    if conv_bias {
        shape = vec![tensor.data.len(), 1];
    }
    let plain = tensor.shape.len() < 2 || conv_bias || name.ends_with("positional_embedding");
    let row = shape.last().copied().unwrap_or(1);
    let kind = match (plain, shape.len()) {
        (true, _) => None,
        (false, 2) if row.is_multiple_of(BLOCK) => Some(format),
        (false, _) => Some(Format::F16),
    };
    out.write_all(&(shape.len() as i32).to_le_bytes())?;
    out.write_all(&(name.len() as i32).to_le_bytes())?;
    out.write_all(&kind.map_or(0, Format::tensor_type).to_le_bytes())?;
    for size in shape.iter().rev() {
        out.write_all(&(*size as i32).to_le_bytes())?;
    }
    out.write_all(name.as_bytes())?;
    let data = &tensor.data;
    match kind {
        None => data.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
        Some(Format::F16) => {
            data.iter().try_for_each(|v| out.write_all(&f16::from_f32(*v).to_le_bytes()))
        }
        Some(Format::Q8_0) => {
            data.as_chunks::<BLOCK>().0.iter().try_for_each(|b| out.write_all(&q8_0(b)))
        }
        Some(Format::Q5_1) => {
            data.as_chunks::<BLOCK>().0.iter().try_for_each(|b| out.write_all(&q5_1(b)))
        }
    }
}

/// One block of ggml's q8_0: scale (f16), 32 × i8.
fn q8_0(block: &[f32; BLOCK]) -> [u8; 34] {
    let largest = block.iter().fold(0f32, |m, v| m.max(v.abs()));
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut out = [0; 34];
    out[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    for (byte, value) in out[2..].iter_mut().zip(block) {
        *byte = (value * inverse).round() as i8 as u8;
    }
    out
}

/// One block of ggml's q5_1: scale (f16), minimum (f16), fifth bits (u32), 32 × 4 bits.
fn q5_1(block: &[f32; BLOCK]) -> [u8; 24] {
    let low = block.iter().copied().fold(f32::INFINITY, f32::min);
    let high = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = (high - low) / 31.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let code = |value: f32| (((value - low) * inverse + 0.5) as u32).min(31);
    let mut out = [0; 24];
    out[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    out[2..4].copy_from_slice(&f16::from_f32(low).to_le_bytes());
    let mut fifth = 0u32;
    for j in 0..BLOCK / 2 {
        let (a, b) = (code(block[j]), code(block[j + BLOCK / 2]));
        out[8 + j] = ((a & 15) | ((b & 15) << 4)) as u8;
        fifth |= (a >> 4) << j;
        fifth |= (b >> 4) << (j + BLOCK / 2);
    }
    out[4..8].copy_from_slice(&fifth.to_le_bytes());
    out
}

/// Bins of a 400-point transform.
const BINS: usize = 201;

/// Slaney's mel filters for 16 kHz and a 400-point transform, as Whisper was trained with:
/// linear below 1 kHz, logarithmic above, each triangle of unit area
/// (M. Slaney, Auditory Toolbox, 1998).
fn mel_filters(bands: usize) -> Vec<f32> {
    const LINEAR_HZ: f64 = 200.0 / 3.0;
    const KNEE_HZ: f64 = 1000.0;
    const KNEE_MEL: f64 = KNEE_HZ / LINEAR_HZ;
    let log_step = 6.4f64.ln() / 27.0;
    let to_mel = |hz: f64| {
        if hz < KNEE_HZ { hz / LINEAR_HZ } else { KNEE_MEL + (hz / KNEE_HZ).ln() / log_step }
    };
    let to_hz = |mel: f64| {
        if mel < KNEE_MEL { mel * LINEAR_HZ } else { KNEE_HZ * (log_step * (mel - KNEE_MEL)).exp() }
    };
    let top = to_mel(8000.0);
    let edges: Vec<f64> =
        (0..bands + 2).map(|i| to_hz(top * i as f64 / (bands + 1) as f64)).collect();
    let mut filters = Vec::with_capacity(bands * BINS);
    for band in 0..bands {
        let [low, centre, high] = [edges[band], edges[band + 1], edges[band + 2]];
        for bin in 0..BINS {
            let hz = bin as f64 * 8000.0 / (BINS - 1) as f64;
            let rise = (hz - low) / (centre - low);
            let fall = (high - hz) / (high - centre);
            filters.push((rise.min(fall).max(0.0) * 2.0 / (high - low)) as f32);
        }
    }
    filters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_q8_0(block: &[u8; 34]) -> Vec<f32> {
        let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
        block[2..].iter().map(|b| f32::from(*b as i8) * scale).collect()
    }

    #[test]
    fn q8_0_is_within_half_a_step() {
        let block: [f32; BLOCK] = std::array::from_fn(|i| (i as f32 * 0.37).sin());
        let back = from_q8_0(&q8_0(&block));
        let step = block.iter().fold(0f32, |m, v| m.max(v.abs())) / 127.0;
        for (a, b) in block.iter().zip(back) {
            assert!((a - b).abs() <= step * 0.51, "{a} became {b}");
        }
    }

    #[test]
    fn q5_1_keeps_the_ends_of_its_range() {
        let block: [f32; BLOCK] = std::array::from_fn(|i| i as f32 - 10.0);
        let out = q5_1(&block);
        assert_eq!(out[8] & 15, 0, "the smallest value has code 0");
        assert_eq!(out[8 + 15] >> 4, 15, "the largest has code 31");
        assert_eq!(u32::from_le_bytes([out[4], out[5], out[6], out[7]]) >> 31, 1);
    }

    #[test]
    fn mel_filters_have_unit_area() {
        let filters = mel_filters(80);
        assert_eq!(filters.len(), 80 * BINS);
        // Wide bands span many bins of 40 Hz, so that the sum comes close to the integral.
        for band in 60..80 {
            let area: f32 = filters[band * BINS..(band + 1) * BINS].iter().sum::<f32>() * 40.0;
            assert!((area - 1.0).abs() < 0.05, "band {band} has area {area}");
        }
    }

    #[test]
    fn a_matrix_is_written_with_reversed_sizes() {
        let mut out = Vec::new();
        let tensor = Tensor { shape: vec![2, 32], data: vec![0.5; 64] };
        write_tensor(&mut out, "w", &tensor, Format::Q8_0).expect("a Vec takes everything");
        let numbers: Vec<i32> =
            out[..20].as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
        assert_eq!(numbers, [2, 1, 8, 32, 2]);
        assert_eq!(out.len(), 20 + 1 + 2 * 34);
    }
}
