//! WAV headers of recorders that were killed: the lengths in them are wrong, the samples are there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// A WAV file as its header should have been: lengths that are 0, open or beyond the end of the
/// file are replaced by what is there, and only what describes the sound stands before it.
pub(crate) struct Patched {
    /// The new header: RIFF, `fmt `, `data`.
    header: Vec<u8>,
    file: File,
    /// Where the sound begins in the file.
    sound_at: u64,
    /// Length with the new header, after cutting a last frame that is not whole.
    length: u64,
    position: u64,
    /// What was wrong with the header, in words.
    pub(crate) damage: Option<String>,
    /// Format tag of the `fmt ` chunk: 1 PCM, 3 float, 6 A-law, 7 µ-law, 0xfffe extensible.
    pub(crate) tag: u16,
}

/// A header is a few dozen bytes; recorders that put more than this before the samples are unknown.
const MOST_HEADER: u64 = 1 << 20;

impl Patched {
    /// `None` when the file is no RIFF WAV or has no samples chunk to correct.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(mut file: File) -> io::Result<Option<Patched>> {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        let mut riff = [0; 12];
        if size < 12
            || file.read_exact(&mut riff).is_err()
            || &riff[..4] != b"RIFF"
            || &riff[8..] != b"WAVE"
        {
            return Ok(None);
        }
        let mut format: Vec<u8> = Vec::new();
        let mut at = 12;
        loop {
            let mut chunk = [0; 8];
            if at > MOST_HEADER || file.read_exact(&mut chunk).is_err() {
                return Ok(None);
            }
            let stated = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
            at += 8;
            if &chunk[..4] == b"data" {
                return Ok(Patched::described(file, &format, at, size - at, stated));
            }
            // Chunks are padded to an even length.
            let padded = stated + stated % 2;
            if padded > (size - at).min(MOST_HEADER) {
                return Ok(None);
            }
            if &chunk[..4] == b"fmt " {
                format = vec![0; stated as usize];
                file.read_exact(&mut format)?;
            }
            at += padded;
            file.seek(SeekFrom::Start(at))?;
        }
    }

    /// With the format of the `fmt ` chunk, and so many bytes of sound where the header states
    /// others.
    fn described(
        file: File,
        format: &[u8],
        sound_at: u64,
        there: u64,
        stated: u64,
    ) -> Option<Patched> {
        if format.len() < BARE_FORMAT {
            return None;
        }
        let word = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
        let (tag, block) = (word(0), u64::from(word(12)).max(1));
        let whole = stated != 0 && stated != u64::from(u32::MAX) && stated <= there;
        let there = there / block * block;
        let damage = (!whole && there > 0).then(|| match stated {
            0 | 0xffff_ffff => "the recorder never wrote the length of the recording".to_owned(),
            _ => format!("cut off: {there} of {stated} bytes of sound are there"),
        });
        let sound = if damage.is_some() { there } else { stated.min(there) };
        let mut format = format.to_vec();
        if matches!(tag, A_LAW | MU_LAW) {
            // symphonia insists on the size of an extension, which recorders leave out, and on 0.
            format.truncate(BARE_FORMAT);
            format.extend([0, 0]);
        }
        let stated = |length: u64| (length.min(0xffff_fff0) as u32).to_le_bytes();
        let mut header = b"RIFF".to_vec();
        header.extend(stated(4 + 8 + format.len() as u64 + 8 + sound));
        header.extend(b"WAVEfmt ");
        header.extend(stated(format.len() as u64));
        header.extend(&format);
        header.extend(b"data");
        header.extend(stated(sound));
        let length = header.len() as u64 + sound;
        Some(Patched { header, file, sound_at, length, position: 0, damage, tag })
    }
}

/// Bytes of a `fmt ` chunk without an extension.
const BARE_FORMAT: usize = 16;
/// Format tags of G.711.
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;

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
        self.file.seek(SeekFrom::Start(self.sound_at + self.position - head))?;
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
