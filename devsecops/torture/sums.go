package torture

// sums are the sums of gas after each charge; of very many only each so many-th.
type sums struct {
	kept   []uint64
	sum    uint64
	count  int
	stride int
}

// maxSums bounds what is kept: a loop that uses up all its gas makes millions of charges.
const maxSums = 1 << 17

func (s *sums) add(gas uint64) {
	if gas == 0 {
		return
	}
	s.sum += gas
	if s.stride = max(s.stride, 1); s.count%s.stride == 0 {
		if len(s.kept) == maxSums {
			for i := range maxSums / 2 {
				s.kept[i] = s.kept[2*i]
			}
			s.kept = s.kept[:maxSums/2]
			s.stride *= 2
		}
		s.kept = append(s.kept, s.sum)
	}
	s.count++
}
