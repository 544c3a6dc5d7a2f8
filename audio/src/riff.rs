//! WAV headers of recorders that were killed: the lengths in them are wrong, the samples are there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// A WAV file as its header should have been: lengths that are 0, open or beyond the end of the
/// file are replaced by what is there.
pub(crate) struct Patched {
    /// Everything before the first sample, lengths corrected.
    header: Vec<u8>,
    file: File,
    /// Length of the file, after cutting a last frame that is not whole.
    length: u64,
    position: u64,
    /// What was wrong with the header, in words.
    pub(crate) damage: Option<String>,
    /// Format tag of the `fmt ` chunk: 1 PCM, 3 float, 6 A-law, 7 µ-law, 0xfffe extensible.
    pub(crate) tag: u16,
}

/// A header is a few dozen bytes; recorders that put more than this before the samples are unknown.
const MOST_HEADER: usize = 1 << 20;

impl Patched {
    /// `None` when the file is no RIFF WAV or has no samples chunk to correct.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(mut file: File) -> io::Result<Option<Patched>> {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        let mut header = vec![0; 12];
        if size < 12 || file.read_exact(&mut header).is_err() || &header[..4] != b"RIFF" || &header[8..12] != b"WAVE" {
            return Ok(None);
        }
        let (mut tag, mut block) = (0u16, 1u64);
        loop {
            let mut chunk = [0; 8];
            if file.read_exact(&mut chunk).is_err() || header.len() > MOST_HEADER {
                return Ok(None);
            }
            let stated = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
            let start = header.len() as u64 + 8;
            if &chunk[..4] == b"data" {
                let there = (size - start) / block * block;
                let whole = stated != 0 && stated != u64::from(u32::MAX) && stated <= size - start;
                let damage = (!whole && there > 0).then(|| match stated {
                    0 | 0xffff_ffff => "the recorder never wrote the length of the recording".to_owned(),
                    _ => format!("cut off: {there} of {stated} bytes of sound are there"),
                });
                let length = if damage.is_some() { there } else { stated.min(there) };
                header.extend_from_slice(b"data");
                header.extend_from_slice(&(length.min(0xffff_fff0) as u32).to_le_bytes());
                let riff = (header.len() as u64 - 8 + length).min(0xffff_fff0) as u32;
                header[4..8].copy_from_slice(&riff.to_le_bytes());
                return Ok(Some(Patched { header, file, length: start + length, position: 0, damage, tag }));
            }
            // Chunks are padded to an even length.
            let padded = stated + stated % 2;
            if padded > size - start || padded > MOST_HEADER as u64 {
                return Ok(None);
            }
            let mut body = vec![0; padded as usize];
            file.read_exact(&mut body)?;
            if &chunk[..4] == b"fmt " && body.len() >= 16 {
                tag = u16::from_le_bytes([body[0], body[1]]);
                block = u64::from(u16::from_le_bytes([body[12], body[13]])).max(1);
            }
            header.extend_from_slice(&chunk);
            header.extend_from_slice(&body);
        }
    }
}

impl Read for Patched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let head = self.header.len() as u64;
        if self.position < head {
            let rest = &self.header[self.position as usize..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            self.position += count as u64;
            return Ok(count);
        }
        let most = self.length.saturating_sub(self.position).min(buffer.len() as u64) as usize;
        self.file.seek(SeekFrom::Start(self.position))?;
        let count = self.file.read(&mut buffer[..most])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Patched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

impl symphonia::core::io::MediaSource for Patched {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
