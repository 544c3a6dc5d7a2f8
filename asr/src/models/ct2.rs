//! CTranslate2's model file, as far as Whisper needs it.
//!
//! Layout: version u32, name, revision u32, count u32; then for each tensor its name, rank u8,
//! dimensions u32, type u8 (0 f32, 1 i8, 2 i16, 3 i32, 4 f16), bytes u32, data; then aliases.
//! A name is its length (u16, final zero counted) and its bytes.

use std::collections::HashMap;
use std::ops::Range;

use half::f16;

/// Tensors by name, over the bytes they were read from.
#[derive(Debug)]
pub struct Weights {
    bytes: Vec<u8>,
    tensors: HashMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    shape: Vec<usize>,
    kind: Kind,
    data: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    F32,
    F16,
    Other,
}

/// A tensor in f32, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The values.
    pub data: Vec<f32>,
}

impl Weights {
    /// Reads the table of tensors; the data stay where they are.
    ///
    /// # Errors
    /// A sentence that says where the bytes stop making sense.
    pub fn parse(bytes: Vec<u8>) -> Result<Weights, String> {
        let mut at = Cursor { bytes: &bytes, position: 0 };
        let version = at.u32()?;
        if !(5..=6).contains(&version) {
            return Err(format!("file version {version} where 5 or 6 was expected"));
        }
        let kind = at.name()?;
        if kind != "WhisperSpec" {
            return Err(format!("a model of kind {kind:?}, not of Whisper"));
        }
        at.u32()?;
        let count = at.u32()?;
        let mut tensors = HashMap::new();
        for _ in 0..count {
            let name = at.name()?;
            let rank = at.u8()?;
            let shape =
                (0..rank).map(|_| at.u32().map(|d| d as usize)).collect::<Result<Vec<_>, _>>()?;
            let kind = at.u8()?;
            let length = at.u32()? as usize;
            let data = at.take(length)?;
            let (kind, width) = match kind {
                0 => (Kind::F32, 4),
                4 => (Kind::F16, 2),
                1..=3 => (Kind::Other, 0),
                other => return Err(format!("tensor {name:?} is of unknown type {other}")),
            };
            let values = shape.iter().try_fold(1usize, |product, d| product.checked_mul(*d));
            if width > 0 && values.and_then(|v| v.checked_mul(width)) != Some(length) {
                return Err(format!("tensor {name:?} has {length} bytes for the shape {shape:?}"));
            }
            tensors.insert(name, Entry { shape, kind, data });
        }
        Ok(Weights { bytes, tensors })
    }

    /// A tensor by name.
    ///
    /// # Errors
    /// A tensor that is absent or not of floating point.
    pub fn get(&self, name: &str) -> Result<Tensor, String> {
        let entry = self.tensors.get(name).ok_or_else(|| format!("tensor {name:?} is missing"))?;
        let bytes = &self.bytes[entry.data.clone()];
        let data = match entry.kind {
            Kind::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Kind::F16 => {
                bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()
            }
            Kind::Other => return Err(format!("tensor {name:?} is not of floating point")),
        };
        Ok(Tensor { shape: entry.shape.clone(), data })
    }

    /// How many layers one side has.
    pub fn layers(&self, side: &str) -> usize {
        let has = |layer: usize| {
            self.tensors.contains_key(&format!("{side}/layer_{layer}/ffn/linear_0/weight"))
        };
        (0..).take_while(|layer| has(*layer)).count()
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Cursor<'_> {
    fn take(&mut self, length: usize) -> Result<Range<usize>, String> {
        let end = self.position.checked_add(length).filter(|end| *end <= self.bytes.len());
        let range =
            self.position..end.ok_or_else(|| format!("cut off at byte {}", self.bytes.len()))?;
        self.position = range.end;
        Ok(range)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let range = self.take(N)?;
        Ok(self.bytes[range].try_into().expect("`take` gave N bytes"))
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> Result<String, String> {
        let length = u16::from_le_bytes(self.array()?) as usize;
        let range = self.take(length)?;
        let bytes = self.bytes[range].strip_suffix(&[0]).ok_or("a name without its final zero")?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "a name that is not UTF-8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file with one f16 tensor of two by two.
    fn sample() -> Vec<u8> {
        let mut file = Vec::new();
        let name = |file: &mut Vec<u8>, text: &str| {
            file.extend((text.len() as u16 + 1).to_le_bytes());
            file.extend(text.as_bytes());
            file.push(0);
        };
        file.extend(6u32.to_le_bytes());
        name(&mut file, "WhisperSpec");
        file.extend(3u32.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        name(&mut file, "a");
        file.push(2);
        file.extend(2u32.to_le_bytes());
        file.extend(2u32.to_le_bytes());
        file.push(4);
        file.extend(8u32.to_le_bytes());
        for value in [1.0, -2.0, 0.5, 4.0] {
            file.extend(f16::from_f32(value).to_le_bytes());
        }
        file
    }

    #[test]
    fn reads_what_was_written() {
        let weights = Weights::parse(sample()).expect("valid");
        let tensor = weights.get("a").expect("present");
        assert_eq!(tensor, Tensor { shape: vec![2, 2], data: vec![1.0, -2.0, 0.5, 4.0] });
        assert_eq!(weights.get("b").unwrap_err(), "tensor \"b\" is missing");
    }

    #[test]
    fn every_cut_is_an_error_and_never_a_panic() {
        let file = sample();
        for length in 0..file.len() {
            assert!(Weights::parse(file[..length].to_vec()).is_err(), "cut to {length} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut file in Just(sample()), at in 0usize..60, byte: u8) {
            let at = at % file.len();
            file[at] = byte;
            if let Ok(weights) = Weights::parse(file) {
                let _ = weights.get("a");
            }
        }
    }
}
