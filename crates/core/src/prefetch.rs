//! Asks the processor for memory that will be needed soon, without waiting for it. Changes no state and no result.

/// Starts loading what a place holds, both lines where it lies across two.
#[inline(always)]
pub fn prefetch<T>(place: &T) {
    let start = std::ptr::from_ref(place).cast::<i8>();
    line(start);
    if size_of::<T>() > 1 && align_of::<T>() < LINE {
        line(start.wrapping_add(size_of::<T>() - 1));
    }
}

/// Starts loading every line of a place.
#[inline(always)]
pub fn prefetch_whole<T>(place: &T) {
    let start = std::ptr::from_ref(place).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(LINE) {
        line(start.wrapping_add(offset));
    }
}

/// The same for an element that may not be there.
#[inline(always)]
pub fn prefetch_at<T>(slice: &[T], at: usize) {
    if let Some(place) = slice.get(at) {
        prefetch(place);
    }
}

const LINE: usize = 64;

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
fn line(place: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch is a hint. It reads nothing into the program, and no address makes it fault.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place) }
}

/// Other processors load what the program loads.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line(_place: *const i8) {}
