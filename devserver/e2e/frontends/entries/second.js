document.documentElement.dataset.second = 'plain'
