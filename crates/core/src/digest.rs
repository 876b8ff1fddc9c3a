//! A running digest: replicas, replays and restored snapshots must agree on it. Not cryptographic.

/// Two independent lanes of multiply-and-rotate, so that consecutive words overlap in the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest {
    a: u64,
    b: u64,
}

const KA: u64 = 0x9E37_79B9_7F4A_7C15;
const KB: u64 = 0xC2B2_AE3D_27D4_EB4F;

impl Digest {
    pub const NEW: Digest = Digest { a: 0x243F_6A88_85A3_08D3, b: 0x1319_8A2E_0370_7344 };

    pub fn from_parts(a: u64, b: u64) -> Digest {
        Digest { a, b }
    }

    pub fn parts(self) -> (u64, u64) {
        (self.a, self.b)
    }

    #[inline]
    pub fn pair(&mut self, x: u64, y: u64) {
        self.a = (self.a.rotate_left(29) ^ x).wrapping_mul(KA);
        self.b = (self.b.rotate_left(31) ^ y).wrapping_mul(KB);
    }

    #[inline]
    pub fn wide(&mut self, x: i128) {
        self.pair(x as u64, (x >> 64) as u64);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(16);
        for chunk in &mut chunks {
            let wide = u128::from_le_bytes(chunk.try_into().expect("sixteen bytes"));
            self.pair(wide as u64, (wide >> 64) as u64);
        }
        let rest = chunks.remainder();
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        let wide = u128::from_le_bytes(last);
        self.pair(wide as u64, (wide >> 64) as u64 ^ ((bytes.len() as u64) << 8));
    }

    #[inline]
    pub fn value(self) -> u64 {
        let mixed = self.a ^ self.b.rotate_left(17);
        let folded = (mixed ^ (mixed >> 32)).wrapping_mul(KB);
        folded ^ (folded >> 29)
    }
}
