package engine

const (
	none = int32(-1)

	chunkBits = 8
	chunkSize = 1 << chunkBits
)

// slab holds values that are named by small numbers and never move.
type slab[T any] struct {
	chunks []*[chunkSize]T
	free   []int32
	used   int
}

func (s *slab[T]) at(i int32) *T {
	return &s.chunks[i>>chunkBits][i&(chunkSize-1)]
}

// alloc returns the number of a value whose content is what release left.
func (s *slab[T]) alloc() int32 {
	if len(s.free) == 0 {
		s.grow()
	}
	last := len(s.free) - 1
	i := s.free[last]
	s.free = s.free[:last]
	s.used++
	return i
}

func (s *slab[T]) grow() {
	base := int32(len(s.chunks) * chunkSize)
	s.chunks = append(s.chunks, new([chunkSize]T))
	if cap(s.free) < len(s.chunks)*chunkSize {
		free := make([]int32, 0, 2*len(s.chunks)*chunkSize)
		s.free = append(free, s.free...)
	}
	for i := base + chunkSize - 1; i >= base; i-- {
		s.free = append(s.free, i)
	}
}

func (s *slab[T]) release(i int32) {
	s.used--
	s.free = append(s.free, i)
}

// size is the number of values there have been at once; all numbers are
// below it.
func (s *slab[T]) size() int32 { return int32(len(s.chunks) * chunkSize) }
